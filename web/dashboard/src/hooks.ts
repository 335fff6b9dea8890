/**
 * React-style hooks for the page's state, its route, the theme, and data from the server.
 * @module
 */
import { useEffect, useState } from 'preact/hooks';
import type { Theme } from './plot.ts';
import { currentState, type PageState, subscribe } from './store.ts';

export function usePageState(): PageState {
  const [state, setState] = useState(currentState());
  useEffect(() => {
    setState(currentState());
    return subscribe(setState);
  }, []);
  return state;
}

export interface Route {
  readonly run: string;
  readonly view: string;
  readonly query: URLSearchParams;
}

/** `#/RUN/VIEW?key=value`. */
function parseRoute(): Route {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const [run = '', view = ''] = path.split('/');
  return { run: run || '0', view: view || 'overview', query: new URLSearchParams(query) };
}

export function useRoute(): Route {
  const [route, setRoute] = useState(parseRoute());
  useEffect(() => {
    const onChange = () => setRoute(parseRoute());
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  return route;
}

export function routeTo(run: string, view: string, query: Readonly<Record<string, string>> = {}): string {
  const parameters = new URLSearchParams(query).toString();
  return `#/${run}/${view}${parameters === '' ? '' : `?${parameters}`}`;
}

/** Changes query parameters of the route without adding an entry to the browser's history. */
export function replaceQuery(route: Route, query: Readonly<Record<string, string>>): void {
  history.replaceState(
    null,
    '',
    routeTo(route.run, route.view, { ...Object.fromEntries(route.query), ...query }),
  );
  dispatchEvent(new HashChangeEvent('hashchange'));
}

/** Returns the theme, dark or light: the user's choice if there is one, else the system's preference. */
export function useTheme(): { readonly theme: Theme; toggle(): void } {
  const media = matchMedia('(prefers-color-scheme: dark)');
  const read = (): Theme => {
    const selected = document.documentElement.dataset.theme;
    if (selected === 'dark' || selected === 'light') return selected;
    return media.matches ? 'dark' : 'light';
  };
  const [theme, setTheme] = useState(read());
  useEffect(() => {
    const onChange = () => setTheme(read());
    media.addEventListener('change', onChange);
    return () => media.removeEventListener('change', onChange);
  }, []);
  return {
    theme,
    toggle: () => {
      document.documentElement.dataset.theme = read() === 'dark' ? 'light' : 'dark';
      setTheme(read());
    },
  };
}

/** State of a request. */
export type Loaded<T> =
  | { readonly kind: 'loading' }
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly message: string };

/**
 * Loads data, and loads it again when `key` changes. Returns the previous value until the new one arrives.
 */
export function useLoaded<T>(key: string, load: () => Promise<T>): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T>>({ kind: 'loading' });
  useEffect(() => {
    let isCurrent = true;
    const settle = (next: Loaded<T>) => isCurrent && setLoaded(next);
    load().then(
      (value) => settle({ kind: 'done', value }),
      (error: unknown) =>
        settle({ kind: 'failed', message: error instanceof Error ? error.message : String(error) }),
    );
    return () => {
      isCurrent = false;
    };
  }, [key]);
  return loaded;
}
