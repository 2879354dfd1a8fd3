// Every owner operation, once. The CLI reaches them through the socket, the console in process.

import type { Operation } from "./operation.ts";
import { alikeOperations, type AlikeParts } from "./ops-alike.ts";
import { canaryOperations, type CanaryOperationParts } from "./ops-canary.ts";
import { chatOperations, type ChatParts } from "./ops-chat.ts";
import { cardOperations, type CardParts } from "./ops-cards.ts";
import { freeholdOperations, type FreeholdParts } from "./ops-freehold.ts";
import { generationOperations, type GenerationParts } from "./ops-generations.ts";
import { jailOperations } from "./ops-jail.ts";
import { ledgerOperations, type LedgerParts } from "./ops-ledger.ts";
import { lockOperations, type LockParts } from "./ops-lock.ts";
import { loginOperations, type LoginParts } from "./ops-logins.ts";
import { meterOperations, type MeterParts } from "./ops-meter.ts";
import { modelUseOperations, type ModelUseParts } from "./ops-model-use.ts";
import { modelOperations, type ModelParts } from "./ops-models.ts";
import { questionOperations, type QuestionParts } from "./ops-questions.ts";
import { ruleReviewOperations, type RuleReviewParts } from "./ops-rule-review.ts";
import { ruleOperations } from "./ops-rules.ts";
import { secretOperations, type SecretParts } from "./ops-secrets.ts";
import { skillOperations, type SkillParts } from "./ops-skills.ts";
import { spendOperations, type SpendParts } from "./ops-spend.ts";
import { stackOperations, type StackParts } from "./ops-stack.ts";
import { statusOperations, type StatusParts } from "./ops-status.ts";
import { undoOperations, type UndoParts } from "./ops-undo.ts";
import { updateOperations } from "./ops-updates.ts";
import type { UpdateParts } from "./updates.ts";

export type OperationParts = AlikeParts &
  CanaryOperationParts &
  CardParts &
  ChatParts &
  FreeholdParts &
  GenerationParts &
  LedgerParts &
  LockParts &
  LoginParts &
  MeterParts &
  ModelParts &
  ModelUseParts &
  QuestionParts &
  RuleReviewParts &
  SecretParts &
  SkillParts &
  SpendParts &
  StackParts &
  StatusParts &
  UndoParts &
  UpdateParts;

export function allOperations(parts: OperationParts): readonly Operation[] {
  return [
    ...statusOperations(parts),
    ...jailOperations(parts),
    ...questionOperations(parts),
    ...ledgerOperations(parts),
    ...stackOperations(parts),
    ...secretOperations(parts),
    ...loginOperations(parts),
    ...alikeOperations(parts),
    ...cardOperations(parts),
    ...ruleOperations(parts),
    ...ruleReviewOperations(parts),
    ...meterOperations(parts),
    ...undoOperations(parts),
    ...updateOperations(parts),
    ...canaryOperations(parts),
    ...generationOperations(parts),
    ...freeholdOperations(parts),
    ...lockOperations(parts),
    ...skillOperations(parts),
    ...modelOperations(parts),
    ...modelUseOperations(parts),
    ...spendOperations(parts),
    ...chatOperations(parts),
  ];
}
