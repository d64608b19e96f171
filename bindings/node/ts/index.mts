// For `import`: the same objects as for `require`, so that an error is an instance of one class wherever it was caught.
export type * from './index.js'
export {
  Applier,
  apply,
  Chain,
  compose,
  createApplyStream,
  diff,
  digest,
  explain,
  fileKind,
  inspect,
  PatchcoreError,
  verify,
} from './index.js'
