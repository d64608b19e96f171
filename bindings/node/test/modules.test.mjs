import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'

import * as imported from 'libpatchcore'

const require = createRequire(import.meta.url)

test('import and require give the same objects under the same names', () => {
  const required = require('libpatchcore')
  assert.deepEqual(Object.keys(imported).sort(), Object.keys(required).sort())
  for (const name of Object.keys(required)) assert.equal(imported[name], required[name], name)
})

test('what is offered is what is documented, and nothing else', () => {
  const required = require('libpatchcore')
  assert.deepEqual(Object.keys(required).sort(), [
    'Applier',
    'Chain',
    'PatchcoreError',
    'Repository',
    'TreePatch',
    'apply',
    'cleanTree',
    'compose',
    'createApplyStream',
    'createKeyFiles',
    'diff',
    'diffTrees',
    'diffTreesAsOperations',
    'digest',
    'explain',
    'fetchFile',
    'fileKind',
    'inspect',
    'installedTree',
    'keyId',
    'publishChannel',
    'recoverTree',
    'rollbackTree',
    'scanTree',
    'signFile',
    'squashTreePatches',
    'updateFile',
    'updateFromPackageInfo',
    'updateFromRepository',
    'updateFromServiceManifest',
    'verify',
    'verifyFile',
  ])
})
