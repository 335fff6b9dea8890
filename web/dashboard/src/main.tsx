/**
 * Entry point of the page.
 * @module
 */
import 'uplot/dist/uPlot.min.css';
import './app.css';
import { render } from 'preact';
import { App } from './app.tsx';
import { connect } from './store.ts';

const host = document.getElementById('app')!;
host.replaceChildren();
render(<App />, host);
void connect();
