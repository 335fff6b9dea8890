import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openGguf, tensorBytes } from './container.ts';
import { TENSOR_TYPE_NAMES, tensorType, tensorTypeName } from './tensor-types.ts';

// random blocks and the values of gguf.quants.dequantize, written by conformance/write_gguf_fixtures.py
const BLOCKS = join(import.meta.dirname, '../../test/fixtures/gguf/blocks.gguf');

function converted(name: string): Float32Array {
  const file = openGguf(BLOCKS);
  const tensor = file.tensors.get(name);
  const type = tensor && tensorType(tensor.typeId);
  if (!tensor || !type) throw new Error(name);
  const bytes = new Uint8Array(tensorBytes(BLOCKS, tensor, type));
  file.read(bytes, tensor.offset);
  file.close();
  const values = new Float32Array(tensor.shape.reduce((product, size) => product * size, 1));
  type.convert(bytes, values);
  return values;
}

describe('a tensor of type', () => {
  it.each(TENSOR_TYPE_NAMES)('%s becomes the values of the gguf package, to the bit', (name) => {
    const [values, expected] = [converted(name), converted(`${name}.expected`)];
    expect(expected.length).toBe(1024);
    expect(new Set(expected).size).toBeGreaterThan(100);
    expect(new Uint32Array(values.buffer)).toEqual(new Uint32Array(expected.buffer));
  });

  it('that is not supported has a name', () => {
    expect([tensorType(23), tensorTypeName(23), tensorTypeName(99)]).toEqual([
      undefined,
      'IQ4_XS',
      'number 99',
    ]);
  });
});
