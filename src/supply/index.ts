// Brings servers from their sources to this machine, exactly as locked, without running any script of theirs.

export { bringTree } from "./bring.ts";
export { chooseVersion, type Choice } from "./choose.ts";
export { contractsFrom, formatContracts, parseContracts, type ContractFile } from "./contracts.ts";
export { confirmBuild } from "./build-to-run.ts";
export { buildAt, stageBuild } from "./builds.ts";
export type { StageOptions } from "./builds.ts";
export { folderDrift, upstreamDrift, type Drift } from "./drift.ts";
export { collect, planGc } from "./gc.ts";
export type { GcPlan, Materials } from "./gc.ts";
export { modelFile, modelsFolder, openModelChecks, pullModel, verifyModel, type PullRequest } from "./models.ts";
export { openGenerations } from "./generations.ts";
export type { Build, Generation, Generations, NewGeneration, Pointer, SwitchKind } from "./generations.ts";
export { judgeCode, type JudgedCode } from "./judge.ts";
export { addTree } from "./install.ts";
export { KEPT, lookAtKept, type Kept } from "./integrity.ts";
export { launchSpecOf } from "./launch.ts";
export { hasLlama, installedLlama, installLlama, llamaFolder, type InstalledLlama } from "./llama.ts";
export type { LaunchRequest } from "./launch.ts";
export type { SupplyHome } from "./places.ts";
export { installFromLock, prepareServer } from "./prepare.ts";
export type { InstallOptions, PreparedServer, PrepareOptions } from "./prepare.ts";
export { callsFor, practiceOf, rehearse, type Rehearsal, type RehearseRequest } from "./rehearse.ts";
export { isFact, isRule, saysOf, type RuleId } from "./scan-rules.ts";
export { scanSkill, type SkillScan } from "./scan-skill.ts";
export { scanSurface, type OtherTools } from "./scan-surface.ts";
export { scanText, type Finding, type ScannedText } from "./scan.ts";
export {
  fetchSkill,
  readSkill,
  removeSkill,
  restoreSkill,
  skillDrift,
  skillFolder,
  skillStates,
  verifySkill,
  type FetchedSkill,
  type SkillRequest,
  type SkillState,
} from "./skills.ts";
export { treeHash, verifyTree } from "./tree.ts";
export { rehearsalFacts, verdictPath, verdictText, type Decided } from "./verdict-file.ts";
