/**
 * The public list of this package.
 * @module
 */
export type { ModuleContext, ModuleItem, ModuleVerdict } from './task/module/contract.ts';
export { createTask } from './task/registry.ts';
export type { Split, Task, TaskItem, Verdict } from './task/task.ts';
