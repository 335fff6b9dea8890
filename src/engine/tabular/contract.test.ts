import { describeEngineContract } from '../contract.ts';
import { createTabularEngine } from './engine.ts';
import { createTabularModel } from './model.ts';

describeEngineContract(
  'tabular',
  async () => createTabularModel({ alphabet: 'abcde', prior: { scale: 1, seed: 3 } }),
  {
    engine: createTabularEngine(),
    prompts: ['a', 'bc', 'deed'],
    learningRate: 0.1,
    logpTolerance: 1e-6,
    divergenceTolerance: 1e-6,
    gradientTolerance: 1e-6,
  },
);
