/**
 * The chat page: sends the conversation to the server that it was loaded from, and shows the team's answer. A
 * collapsed list shows the messages of all agents while they are streamed. Model output is never inserted as HTML.
 * @module
 */

const at = (id) => document.getElementById(id);
const [log, form, prompt, send, stop] = ['log', 'form', 'prompt', 'send', 'stop'].map(at);
const model = at('model');
const key = at('key');

/** Messages of the conversation, in the format of the OpenAI API. */
let messages = [];
/** Aborts the current request. */
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
    key.placeholder = 'required';
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
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

/** Adds a message to the page. The text of an answer is added later, while it is streamed. */
function addArticle(role, text) {
  const article = element('article', role);
  const body = element('p', 'text', text);
  article.append(body);
  log.append(article);
  article.scrollIntoView({ block: 'end' });
  return { article, body };
}

/** An answer of the team on the page, with the messages of its agents. */
class AnswerView {
  constructor() {
    const { article, body } = addArticle('assistant', '');
    this.article = article;
    this.body = body;
    this.meta = element('p', 'meta', 'thinking');
    this.details = element('details', '');
    this.summary = element('summary', '', 'Agents');
    this.list = element('ul', 'agents');
    this.details.append(this.summary, this.list);
    this.details.hidden = true;
    article.append(this.meta, this.details);
    /** List entries of the agents' messages, by turn and name. */
    this.agents = new Map();
    this.text = '';
  }

  /** Returns the list entry of an agent's message of a turn; creates the entry if it is missing. */
  agent({ name, turn }) {
    const id = `${turn}:${name}`;
    let entry = this.agents.get(id);
    if (entry === undefined) {
      const item = element('li', '');
      const text = element('p', 'text');
      const meta = element('p', 'meta', `${name}${turn > 0 ? `, turn ${turn + 1}` : ''}: writing`);
      item.append(meta, text);
      this.list.append(item);
      this.details.hidden = false;
      entry = { item, text, meta };
      this.agents.set(id, entry);
    }
    return entry;
  }

  chunk({ choices, troupe }) {
    const delta = choices[0]?.delta.content;
    if (delta) {
      this.text += delta;
      this.body.textContent = this.text;
    }
    if (troupe?.event === 'agent_start') this.agent(troupe);
    if (troupe?.event === 'agent_delta') this.agent(troupe).text.textContent += troupe.content;
    if (troupe?.event === 'agent_end') this.endAgent(troupe);
    if (troupe?.agents) this.end(troupe, choices[0]?.finish_reason);
  }

  endAgent(turn) {
    const { text, meta } = this.agent(turn);
    if (turn.content !== null) text.textContent = turn.content;
    const state =
      turn.status === 'failed'
        ? `failed: ${turn.error.message}`
        : turn.status === 'cancelled'
          ? 'cancelled, the vote was decided'
          : `${turn.usage.completion_tokens} tokens in ${Math.round(turn.duration_ms)} ms`;
    const isShown = turn.answer !== null && turn.answer !== turn.content?.trim();
    const answer = turn.cut_off ? ', cut off: no answer' : isShown ? `, answer ${turn.answer}` : '';
    meta.textContent = `${turn.name}${turn.turn > 0 ? `, turn ${turn.turn + 1}` : ''}: ${state}${answer}`;
    meta.classList.toggle('bad', turn.status === 'failed');
  }

  end({ agents, vote, protocol, early_stop: early, degraded }, finish) {
    for (const turn of agents) {
      this.endAgent(turn);
      const won = vote && turn.answer !== null && turn.answer === vote.winner;
      this.agent(turn).item.classList.toggle('winner', Boolean(won));
    }
    const most = vote?.counts[0];
    const parts = [
      protocol,
      ...(most ? [`${most.agents.length} of ${agents.filter(({ status }) => status === 'answered').length} agree`] : []),
      ...(early ? [`decided after ${early.decided_after}`] : []),
      ...(degraded ? ['an agent failed'] : []),
      ...(finish === 'length' ? ['cut off at the token limit'] : []),
    ];
    this.meta.textContent = parts.join(', ');
  }

  fail(message) {
    this.meta.textContent = message;
    this.meta.classList.add('bad');
  }
}

/** Yields the data of server-sent events. */
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
  addArticle('user', content);
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
        troupe: { stream_agents: true },
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
    messages.pop(); // removes the failed question, so that the user can send it again
    view.fail(running.signal.aborted ? 'stopped' : error.message);
  } finally {
    running = undefined;
    send.hidden = false;
    stop.hidden = true;
    prompt.focus();
    view.article.scrollIntoView({ block: 'end' });
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
