const assert = require('node:assert/strict')
const { test } = require('node:test')

const { apply, diff, PatchcoreError } = require('libpatchcore')

test('CommonJS makes and applies a delta, and catches errors of ours', async () => {
  const [old, updated] = [Buffer.from('an old file'), Buffer.from('a new file')]
  assert.deepEqual(await apply(old, await diff(old, updated)), updated)
  await assert.rejects(apply(old, old), (error) => error instanceof PatchcoreError && error.status === 30)
})
