/**
 * A task of short answers: a message to a shop contains a thing, a day, a city and a name, and the last line asks for one
 * of them. The whole answer must be that word, so that a message with two of them, or a sentence, is wrong.
 */
import type { ModuleContext, ModuleItem, ModuleVerdict, TaskItem } from 'troupe';
import type { RandomStream } from 'troupe/core';

export const about = 'messages to a shop; the answer is the thing, day, city or name for which the last line asks';

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  thing: 'jacket lamp bag table chair phone book bike coat watch'.split(' '),
  day: 'Monday Tuesday Wednesday Thursday Friday Saturday Sunday'.split(' '),
  city: 'London Paris Rome Berlin Madrid Vienna Boston Chicago Dublin Oslo'.split(' '),
  name: 'Anna Ben Clara David Emma Felix Grace Henry Jack Kate Leo Mia Noah Paul Rosa Sam Tina Victor'.split(' '),
};

const MESSAGES = [
  'I ordered a {thing} on {day}. Please send it to {city}. {name}',
  'My {thing} has not arrived in {city} since {day}. {name}',
  'This is {name} from {city}. The {thing} of {day} is broken.',
  'Hello, {name} here. Can you bring the {thing} to {city} on {day}?',
  'On {day} I got the wrong {thing}. I live in {city}. {name}',
  'When will the {thing} be in {city}? You said {day}. {name}',
  '{name} wants to return a {thing} in {city} on {day}.',
  'The shop in {city} has no {thing}. Will it have one on {day}? {name}',
];

function pick<T>(list: readonly T[], stream: RandomStream): T {
  return list[stream.int(list.length)] as T;
}

export function generate(stream: RandomStream): ModuleItem {
  const values = Object.fromEntries(Object.entries(FIELDS).map(([field, list]) => [field, pick(list, stream)]));
  const message = pick(MESSAGES, stream).replaceAll(/\{(\w+)\}/g, (_, field: string) => values[field] as string);
  const field = pick(Object.keys(FIELDS), stream);
  // all questions about a message belong to one split
  return { prompt: `${message}\n${field}?`, answer: values[field] as string, key: message, difficulty: field };
}

export function verify(item: TaskItem, text: string, { verifier }: ModuleContext): ModuleVerdict {
  return verifier('exact')(item.answer as string, text);
}

/** The answer that votes count: the whole message. */
export function answerOf(text: string): string | undefined {
  const answer = text.trim().replaceAll(/\s+/g, ' ');
  return answer === '' ? undefined : answer;
}
