/**
 * The public list of this package.
 * @module
 */

export type { Split, Task, TaskItem, Verdict } from './task/task.ts';
export type { ModuleContext, ModuleItem, ModuleVerdict } from './tasks/module/contract.ts';
export { createTask } from './tasks/registry.ts';
