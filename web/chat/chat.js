/**
 * The chat page: asks the server it came from, shows the team's answer and, unfolded, what each member wrote
 * while it writes it. Text is only ever set as text.
 * @module
 */

const at = (id) => document.getElementById(id);
const [log, form, prompt, send, stop] = ['log', 'form', 'prompt', 'send', 'stop'].map(at);
const model = at('model');
const key = at('key');

/** The conversation as the API takes it. */
let messages = [];
/** Aborts the answer under way. */
let running;

key.value = sessionStorage.getItem('troupe-key') ?? '';

function headers() {
  return {
    'content-type': 'application/json',
    ...(key.value === '' ? {} : { authorization: `Bearer ${key.value}` }),
  };
}

async function loadModels() {
  const response = await fetch('/v1/models', { headers: headers() });
  if (response.status === 401) {
    at('settings').open = true;
    key.placeholder = 'needed';
    return;
  }
  const { data, error } = await response.json();
  if (!response.ok) {
    new AnswerView().fail(error.message);
    return;
  }
  model.replaceChildren(...data.map(({ id }) => new Option(id, id)));
}

function element(tag, className, text = '') {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** Adds an article to the log; the user's have their text already. */
function article(who, text) {
  const made = element('article', who);
  const body = element('p', 'text', text);
  made.append(body);
  log.append(made);
  made.scrollIntoView({ block: 'end' });
  return { made, body };
}

/** What is shown of one answer. */
class AnswerView {
  constructor() {
    const { made, body } = article('assistant', '');
    this.made = made;
    this.body = body;
    this.meta = element('p', 'meta', 'thinking');
    this.details = element('details', '');
    this.summary = element('summary', '', 'Members');
    this.list = element('ul', 'members');
    this.details.append(this.summary, this.list);
    this.details.hidden = true;
    made.append(this.meta, this.details);
    this.members = new Map();
    this.text = '';
  }

  /** The entry of one message of one member. */
  member({ name, turn }) {
    const id = `${turn}:${name}`;
    let entry = this.members.get(id);
    if (entry === undefined) {
      const item = element('li', '');
      const text = element('p', 'text');
      const meta = element('p', 'meta', `${name}${turn > 0 ? `, turn ${turn + 1}` : ''}: writing`);
      item.append(meta, text);
      this.list.append(item);
      this.details.hidden = false;
      entry = { item, text, meta };
      this.members.set(id, entry);
    }
    return entry;
  }

  chunk({ choices, troupe }) {
    const delta = choices[0]?.delta.content;
    if (delta) {
      this.text += delta;
      this.body.textContent = this.text;
    }
    if (troupe?.event === 'member_start') this.member(troupe);
    if (troupe?.event === 'member_piece') this.member(troupe).text.textContent += troupe.content;
    if (troupe?.event === 'member_end') this.memberEnd(troupe);
    if (troupe?.members) this.end(troupe, choices[0]?.finish_reason);
  }

  memberEnd(told) {
    const { text, meta } = this.member(told);
    if (told.content !== null) text.textContent = told.content;
    const state =
      told.status === 'failed'
        ? `failed: ${told.error.message}`
        : told.status === 'cancelled'
          ? 'stopped, the vote was decided'
          : `${told.usage.completion_tokens} tokens in ${Math.round(told.duration_ms)} ms`;
    const answer = told.answer !== null && told.answer !== told.content?.trim() ? `, answer ${told.answer}` : '';
    meta.textContent = `${told.name}${told.turn > 0 ? `, turn ${told.turn + 1}` : ''}: ${state}${answer}`;
    meta.classList.toggle('bad', told.status === 'failed');
  }

  end({ members, vote, protocol, early_stop: early, degraded }, finish) {
    for (const told of members) {
      this.memberEnd(told);
      const won = vote && told.answer !== null && told.answer === vote.winner;
      this.member(told).item.classList.toggle('winner', Boolean(won));
    }
    const most = vote?.counts[0];
    const parts = [
      protocol,
      ...(most ? [`${most.members.length} of ${members.filter(({ status }) => status === 'answered').length} agree`] : []),
      ...(early ? [`decided after ${early.decided_after}`] : []),
      ...(degraded ? ['a member failed'] : []),
      ...(finish === 'length' ? ['cut off at the most tokens'] : []),
    ];
    this.meta.textContent = parts.join(', ');
  }

  fail(message) {
    this.meta.textContent = message;
    this.meta.classList.add('bad');
  }
}

/** Data of server-sent events, as they come. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop();
    for (const block of blocks) if (block.startsWith('data: ')) yield block.slice(6);
  }
}

function number(id, name) {
  const { value } = at(id);
  return value === '' ? {} : { [name]: Number(value) };
}

async function ask(content) {
  messages.push({ role: 'user', content });
  article('user', content);
  const view = new AnswerView();
  running = new AbortController();
  send.hidden = true;
  stop.hidden = false;
  try {
    const response = await fetch('/v1/chat/completions', {
      method: 'POST',
      headers: headers(),
      signal: running.signal,
      body: JSON.stringify({
        model: model.value || 'team',
        messages,
        stream: true,
        troupe: { stream_members: true },
        ...number('temperature', 'temperature'),
        ...number('max-tokens', 'max_tokens'),
        ...number('seed', 'seed'),
      }),
    });
    if (!response.ok) throw new Error((await response.json()).error.message);
    for await (const data of events(response.body)) {
      if (data === '[DONE]') break;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new Error(chunk.error.message);
      view.chunk(chunk);
    }
    messages.push({ role: 'assistant', content: view.text });
  } catch (error) {
    messages.pop(); // the question may be asked again
    view.fail(running.signal.aborted ? 'stopped' : error.message);
  } finally {
    running = undefined;
    send.hidden = false;
    stop.hidden = true;
    prompt.focus();
    view.made.scrollIntoView({ block: 'end' });
  }
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const content = prompt.value.trim();
  if (content === '' || running) return;
  prompt.value = '';
  void ask(content);
});
prompt.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') running?.abort();
});
stop.addEventListener('click', () => running?.abort());
at('clear').addEventListener('click', () => {
  running?.abort();
  messages = [];
  log.replaceChildren();
  prompt.focus();
});
key.addEventListener('change', () => {
  sessionStorage.setItem('troupe-key', key.value);
  void loadModels();
});
void loadModels();
