// Every owner operation, once. The CLI reaches them through the socket, the console in process.

import type { Operation } from "./operation.ts";
import { ledgerOperations, type LedgerParts } from "./ops-ledger.ts";
import { questionOperations, type QuestionParts } from "./ops-questions.ts";
import { stackOperations, type StackParts } from "./ops-stack.ts";
import { statusOperations, type StatusParts } from "./ops-status.ts";

export type OperationParts = LedgerParts & QuestionParts & StackParts & StatusParts;

export function allOperations(parts: OperationParts): readonly Operation[] {
  return [
    ...statusOperations(parts),
    ...questionOperations(parts),
    ...ledgerOperations(parts),
    ...stackOperations(parts),
  ];
}
