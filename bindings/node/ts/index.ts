/**
 * Small deltas between two versions of a file, chains of them that lead from any version to any later one, and patches that
 * bring a directory to another version, whole or not at all.
 *
 * Files are paths (a string or a `file:` URL) or bytes (a Buffer, any other view, an ArrayBuffer). Bytes are copied before the
 * call returns, so they may change afterwards. Results go to the file named by `out`, where they appear whole or not at all;
 * without `out` they are a Buffer.
 *
 * @module
 */

export { Applier, type ApplierOptions } from './applier.js'
export {
  Chain,
  type ChainApplyOptions,
  type ChainSquashOptions,
  type CreateOptions,
  type ExtractOptions,
  type Link,
  type PruneOptions,
  type Version,
  type VersionId,
} from './chain.js'
export { type ChannelPublishOptions, type FileUpdateOptions, publishChannel, updateFile } from './channel.js'
export { apply, compose, diff, digest, explain, fileKind, inspect, verify } from './delta.js'
export { type ErrorCode, type Outcome, PatchcoreError, type StatusName } from './errors.js'
export type { Bytes, FilePath, Input } from './input.js'
export type { JobOptions, LogEvent, LogLevel, Phase, Progress } from './job.js'
export type { ApplyOptions, DiffOptions, ExplainOptions, LimitOptions, OutputOptions, SquashOptions } from './options.js'
export {
  type PruneReport,
  type PublishOptions,
  type PublishReport,
  type RebuildReport,
  Repository,
  type RepositoryChangeOptions,
  type RepositoryManifest,
  type RepositoryOptions,
  type RepositoryPackage,
  type RepositoryProblem,
  type RepositoryPruneOptions,
  type RepositoryUpdateOptions,
  type RepositoryUpdateReport,
  type RepositoryVerification,
  updateFromRepository,
  type UpdatePlan,
  type UpdatePlanReason,
  type WithdrawReport,
} from './repository.js'
export { type ApplyStream, type ApplyStreamOptions, createApplyStream } from './stream.js'
export {
  cleanTree,
  type Compression,
  diffTrees,
  diffTreesAsOperations,
  installedTree,
  type OperationsDiffOptions,
  recoverTree,
  rollbackTree,
  type ScanOptions,
  scanTree,
  squashTreePatches,
  type TreeApplyOptions,
  type TreeCheckOptions,
  type TreeDiffOptions,
  TreePatch,
  type TreePatchOpenOptions,
  type TreeRollbackOptions,
  type TreeSquashOptions,
} from './tree.js'
export { createKeyFiles, keyId, type KeyOptions, signFile, type SignOptions, type TrustOptions, verifyFile } from './trust.js'
export {
  fetchFile,
  type FetchOptions,
  type TransferOptions,
  type UpdateDocument,
  updateFromPackageInfo,
  updateFromServiceManifest,
  type UpdateOptions,
} from './update.js'
export type {
  ApplyStats,
  ByteRange,
  ChainApplyStats,
  ChainInfo,
  ChannelPublishStats,
  DeltaContents,
  DeltaInfo,
  ExplainedPart,
  ExplainedSegment,
  Explanation,
  FetchStats,
  FileUpdateMeans,
  FileUpdateReason,
  FileUpdateReport,
  Installed,
  PruneStats,
  SignatureFile,
  SignedFile,
  TreeApplyStats,
  TreeChange,
  TreeChangeCounts,
  TreeChangeKind,
  TreeConflict,
  TreeConflictReason,
  TreeDiffStats,
  TreeItem,
  TreeItemKind,
  TreePatchContents,
  TreePatchInfo,
  TreePlan,
  TreeSnapshot,
  TreeSquashStats,
  TreeVerification,
  UpdateAction,
  UpdateReason,
  UpdateReport,
  UpdateStrategy,
  Verified,
} from '../native.js'
