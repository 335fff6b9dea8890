/**
 * The exceptions that programs raise and catch, and their hierarchy.
 * @module
 */
import { PyException, PyType } from './value.ts';

/** Names of the base classes by the name of the exception. */
const BASE_OF: Readonly<Record<string, string>> = {
  Exception: 'BaseException',
  ArithmeticError: 'Exception',
  ZeroDivisionError: 'ArithmeticError',
  OverflowError: 'ArithmeticError',
  AssertionError: 'Exception',
  AttributeError: 'Exception',
  ImportError: 'Exception',
  ModuleNotFoundError: 'ImportError',
  LookupError: 'Exception',
  IndexError: 'LookupError',
  KeyError: 'LookupError',
  NameError: 'Exception',
  UnboundLocalError: 'NameError',
  RuntimeError: 'Exception',
  NotImplementedError: 'RuntimeError',
  StopIteration: 'Exception',
  TypeError: 'Exception',
  ValueError: 'Exception',
};

export function exceptionTypes(): [string, PyType][] {
  return ['BaseException', ...Object.keys(BASE_OF)].map((name) => [
    name,
    new PyType(name, ({ args }) => new PyException(name, args), { isException: true }),
  ]);
}

/** Whether `except wanted` catches an exception of type `type`. */
export function isKindOf(type: string, wanted: string): boolean {
  for (
    let at: string | undefined = type;
    at !== undefined;
    at = Object.hasOwn(BASE_OF, at) ? BASE_OF[at] : undefined
  )
    if (at === wanted) return true;
  return false;
}
