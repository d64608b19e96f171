import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias, final, overload

from typing_extensions import Buffer

from .repository import (
    PruneReport,
    PublishReport,
    RebuildReport,
    RepositoryManifest,
    RepositoryUpdateReport,
    RepositoryVerification,
    UpdatePlan,
    WithdrawReport,
)
from .results import (
    ApplyStats,
    ChainApplyStats,
    ChainInfo,
    ChannelPublishStats,
    DeltaInfo,
    Explanation,
    FetchStats,
    FileUpdateReport,
    Installed,
    Link,
    Progress,
    PruneStats,
    SignatureFile,
    SignedFile,
    TreeApplyStats,
    TreeChange,
    TreeDiffStats,
    TreePatchContents,
    TreePatchInfo,
    TreePlan,
    TreeSnapshot,
    TreeSquashStats,
    TreeVerification,
    UpdateReport,
    Verified,
    Version,
)

class _Array(Protocol):
    """An array of NumPy, whose types call it a buffer from Python 3.12 on only."""

    @property
    def __array_interface__(self) -> object: ...
    @property
    def data(self) -> memoryview: ...

_Path: TypeAlias = str | os.PathLike[str] | os.PathLike[bytes]
_Bytes: TypeAlias = Buffer | _Array
_Source: TypeAlias = _Path | _Bytes
_Target: TypeAlias = _Path | _Bytes
_Progress: TypeAlias = Callable[[Progress], object]
_Version: TypeAlias = str | int | Version
_Engine: TypeAlias = Literal["auto", "bsdiff"]
_Compression: TypeAlias = Literal["deflate", "stored", "zstd"]

__all__ = [
    "NO_LIMIT",
    "Applier",
    "CancelToken",
    "Chain",
    "Repository",
    "TreePatch",
    "Updater",
    "__version__",
    "_run_command",
    "_statuses",
    "_wait_for_workers",
    "apply",
    "compose",
    "create_key_files",
    "diff",
    "digest",
    "explain",
    "fetch",
    "file_kind",
    "inspect",
    "key_id",
    "publish_channel",
    "sign_file",
    "tree_clean",
    "tree_diff",
    "tree_diff_operations",
    "tree_installed",
    "tree_recover",
    "tree_rollback",
    "tree_scan",
    "tree_squash",
    "update_file",
    "verify",
    "verify_file",
]

NO_LIMIT: Final[int]
__version__: Final[str]
@overload
def diff(
    old: _Source,
    new: _Source,
    out: None = None,
    *,
    level: int | None = None,
    engine: _Engine = "auto",
    threads: int | None = None,
    max_apply_memory: int | None = None,
    no_clobber: bool = False,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> bytes: ...
@overload
def diff(
    old: _Source,
    new: _Source,
    out: _Target,
    *,
    level: int | None = None,
    engine: _Engine = "auto",
    threads: int | None = None,
    max_apply_memory: int | None = None,
    no_clobber: bool = False,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> DeltaInfo: ...
@overload
def diff(
    old: _Source,
    new: _Source,
    out: _Target | None = None,
    *,
    level: int | None = None,
    engine: _Engine = "auto",
    threads: int | None = None,
    max_apply_memory: int | None = None,
    no_clobber: bool = False,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> bytes | DeltaInfo: ...
@overload
def apply(
    old: _Source,
    delta: _Source,
    out: None = None,
    *,
    threads: int | None = None,
    streaming: bool = False,
    max_memory: int | None = None,
    max_output: int | None = None,
    no_clobber: bool = False,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> bytes: ...
@overload
def apply(
    old: _Source,
    delta: _Source,
    out: _Target,
    *,
    threads: int | None = None,
    streaming: bool = False,
    max_memory: int | None = None,
    max_output: int | None = None,
    no_clobber: bool = False,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> ApplyStats: ...
@overload
def apply(
    old: _Source,
    delta: _Source,
    out: _Target | None = None,
    *,
    threads: int | None = None,
    streaming: bool = False,
    max_memory: int | None = None,
    max_output: int | None = None,
    no_clobber: bool = False,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> bytes | ApplyStats: ...
@overload
def compose(
    deltas: Iterable[_Source],
    out: None = None,
    *,
    level: int | None = None,
    threads: int | None = None,
    max_apply_memory: int | None = None,
    max_memory: int | None = None,
    max_operations: int | None = None,
    no_clobber: bool = False,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> bytes: ...
@overload
def compose(
    deltas: Iterable[_Source],
    out: _Target,
    *,
    level: int | None = None,
    threads: int | None = None,
    max_apply_memory: int | None = None,
    max_memory: int | None = None,
    max_operations: int | None = None,
    no_clobber: bool = False,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> DeltaInfo: ...
@overload
def compose(
    deltas: Iterable[_Source],
    out: _Target | None = None,
    *,
    level: int | None = None,
    threads: int | None = None,
    max_apply_memory: int | None = None,
    max_memory: int | None = None,
    max_operations: int | None = None,
    no_clobber: bool = False,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> bytes | DeltaInfo: ...
def inspect(delta: _Source) -> DeltaInfo: ...
def verify(
    delta: _Source,
    old: _Source | None = None,
    *,
    max_memory: int | None = None,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> Verified: ...
def explain(
    delta: _Source,
    *,
    most: int = 10,
    max_memory: int | None = None,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> Explanation: ...
def digest(
    file: _Source,
    *,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> str: ...
def file_kind(file: _Source) -> Literal["delta", "chain", "tree_patch"]: ...
def tree_scan(
    root: _Path,
    *,
    exclude: Sequence[str] = (),
    dereference: bool = False,
    threads: int | None = None,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> TreeSnapshot: ...
def tree_diff(
    old: _Path,
    new: _Path,
    out: _Path,
    *,
    exclude: Sequence[str] = (),
    dereference: bool = False,
    keep_local: Sequence[str] = (),
    replace_directories: Sequence[str] = (),
    level: int | None = None,
    compression: _Compression = "deflate",
    threads: int | None = None,
    executor: Executor | None = None,
    max_apply_memory: int | None = None,
    min_version: str | None = None,
    max_version: str | None = None,
    version: str | None = None,
    no_clobber: bool = False,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> TreeDiffStats: ...
def tree_diff_operations(
    old: _Path,
    new: _Path,
    out: _Path,
    operations: _Path,
    *,
    package_info: _Path | None = None,
    url: str = "",
    exclude: Sequence[str] = (),
    dereference: bool = False,
    replace_directories: Sequence[str] = (),
    threads: int | None = None,
    version: str | None = None,
    no_clobber: bool = False,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> TreeDiffStats: ...
def tree_squash(
    patches: Iterable[TreePatch],
    out: _Path,
    *,
    level: int | None = None,
    compression: _Compression = "deflate",
    threads: int | None = None,
    max_apply_memory: int | None = None,
    max_memory: int | None = None,
    no_clobber: bool = False,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> TreeSquashStats: ...
def tree_rollback(
    root: _Path,
    *,
    overwrite_local: bool = False,
    threads: int | None = None,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> Installed | None: ...
def tree_recover(
    root: _Path,
    *,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> Installed | None: ...
def tree_installed(root: _Path) -> Installed | None: ...
def tree_clean(
    root: _Path,
    *,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> bool: ...
def create_key_files(path: _Path, *, password: str | None = None, force: bool = False) -> str: ...
def sign_file(
    path: _Path,
    key: _Path,
    *,
    password: str | None = None,
    trusted_comment: str | None = None,
    out: _Path | None = None,
    no_clobber: bool = False,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> SignatureFile: ...
def verify_file(
    path: _Path,
    public_keys: Sequence[str],
    *,
    signature: str | None = None,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> SignedFile: ...
def key_id(public_key: str) -> str: ...
def fetch(
    urls: _Path | Iterable[_Path],
    out: _Path,
    *,
    size: int | None = None,
    digest: str | None = None,
    max_size: int | None = None,
    max_bytes_per_second: int | None = None,
    idle_timeout: float | None = None,
    retries: int | None = None,
    proxy: str | None = None,
    authorities: _Path | None = None,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> FetchStats: ...
def publish_channel(
    folder: _Path,
    chain: _Path,
    latest: _Path,
    *,
    family: str | None = None,
    base_url: str | None = None,
    expires_at: str | None = None,
    key: _Path | None = None,
    password: str | None = None,
    force: bool = False,
    level: int | None = None,
    max_memory: int | None = None,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> ChannelPublishStats: ...
def update_file(
    file: _Path,
    url: _Path,
    *,
    public_keys: Sequence[str] = (),
    start: str | None = None,
    end: str | None = None,
    force_full: bool = False,
    cache: _Path | None = None,
    dry_run: bool = False,
    download_only: bool = False,
    streaming: bool = False,
    threads: int | None = None,
    max_memory: int | None = None,
    max_size: int | None = None,
    max_bytes_per_second: int | None = None,
    idle_timeout: float | None = None,
    retries: int | None = None,
    proxy: str | None = None,
    authorities: _Path | None = None,
    progress: _Progress | None = None,
    cancel: CancelToken | None = None,
) -> FileUpdateReport: ...
def _run_command(arguments: list[str]) -> int: ...
def _statuses() -> list[tuple[int, str]]: ...
def _wait_for_workers(seconds: float) -> None: ...

@final
class CancelToken:
    def __new__(cls) -> CancelToken: ...
    def cancel(self) -> None: ...
    @property
    def cancelled(self) -> bool: ...

@final
class Chain:
    def __new__(cls, source: _Source) -> Chain: ...
    @staticmethod
    def open(source: _Source) -> Chain: ...
    @overload
    @staticmethod
    def create(
        deltas: Iterable[_Source],
        out: None = None,
        *,
        chain_id: str | None = None,
        names: Sequence[str] = (),
        force: bool = False,
        no_clobber: bool = False,
        max_memory: int | None = None,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> bytes: ...
    @overload
    @staticmethod
    def create(
        deltas: Iterable[_Source],
        out: _Path,
        *,
        chain_id: str | None = None,
        names: Sequence[str] = (),
        force: bool = False,
        no_clobber: bool = False,
        max_memory: int | None = None,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> Chain: ...
    @overload
    @staticmethod
    def create(
        deltas: Iterable[_Source],
        out: _Path | None = None,
        *,
        chain_id: str | None = None,
        names: Sequence[str] = (),
        force: bool = False,
        no_clobber: bool = False,
        max_memory: int | None = None,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> bytes | Chain: ...
    def append(
        self,
        *deltas: _Source,
        name: str | None = None,
        max_memory: int | None = None,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> None: ...
    def prune(
        self,
        before: _Version,
        *,
        drop: bool = False,
        level: int | None = None,
        threads: int | None = None,
        max_apply_memory: int | None = None,
        max_memory: int | None = None,
        max_operations: int | None = None,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> PruneStats: ...
    @property
    def info(self) -> ChainInfo: ...
    @property
    def versions(self) -> tuple[Version, ...]: ...
    @property
    def links(self) -> tuple[Link, ...]: ...
    @property
    def path(self) -> Path | None: ...
    def resolve(self, version: _Version) -> int: ...
    def route(self, start: _Version | None = None, end: _Version | None = None) -> tuple[Link, ...]: ...
    @overload
    def apply(
        self,
        old: _Source,
        out: None = None,
        *,
        target: _Version | None = None,
        threads: int | None = None,
        streaming: bool = False,
        scratch: _Path | None = None,
        max_memory: int | None = None,
        max_output: int | None = None,
        no_clobber: bool = False,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> bytes: ...
    @overload
    def apply(
        self,
        old: _Source,
        out: _Target,
        *,
        target: _Version | None = None,
        threads: int | None = None,
        streaming: bool = False,
        scratch: _Path | None = None,
        max_memory: int | None = None,
        max_output: int | None = None,
        no_clobber: bool = False,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> ChainApplyStats: ...
    @overload
    def apply(
        self,
        old: _Source,
        out: _Target | None = None,
        *,
        target: _Version | None = None,
        threads: int | None = None,
        streaming: bool = False,
        scratch: _Path | None = None,
        max_memory: int | None = None,
        max_output: int | None = None,
        no_clobber: bool = False,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> bytes | ChainApplyStats: ...
    @overload
    def squash(
        self,
        out: None = None,
        *,
        start: _Version | None = None,
        end: _Version | None = None,
        level: int | None = None,
        threads: int | None = None,
        max_apply_memory: int | None = None,
        max_memory: int | None = None,
        max_operations: int | None = None,
        no_clobber: bool = False,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> bytes: ...
    @overload
    def squash(
        self,
        out: _Target,
        *,
        start: _Version | None = None,
        end: _Version | None = None,
        level: int | None = None,
        threads: int | None = None,
        max_apply_memory: int | None = None,
        max_memory: int | None = None,
        max_operations: int | None = None,
        no_clobber: bool = False,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> DeltaInfo: ...
    @overload
    def squash(
        self,
        out: _Target | None = None,
        *,
        start: _Version | None = None,
        end: _Version | None = None,
        level: int | None = None,
        threads: int | None = None,
        max_apply_memory: int | None = None,
        max_memory: int | None = None,
        max_operations: int | None = None,
        no_clobber: bool = False,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> bytes | DeltaInfo: ...
    def extract(
        self,
        folder: _Path,
        *,
        start: _Version | None = None,
        end: _Version | None = None,
        no_clobber: bool = False,
        max_memory: int | None = None,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Path]: ...
    @overload
    def extract_link(
        self,
        index: int,
        out: None = None,
        *,
        no_clobber: bool = False,
        max_memory: int | None = None,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> bytes: ...
    @overload
    def extract_link(
        self,
        index: int,
        out: _Target,
        *,
        no_clobber: bool = False,
        max_memory: int | None = None,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> DeltaInfo: ...
    @overload
    def extract_link(
        self,
        index: int,
        out: _Target | None = None,
        *,
        no_clobber: bool = False,
        max_memory: int | None = None,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> bytes | DeltaInfo: ...
    def explain_link(
        self,
        index: int,
        *,
        most: int = 10,
        max_memory: int | None = None,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> Explanation: ...
    def verify(
        self,
        *,
        max_memory: int | None = None,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Applier:
    def __new__(
        cls,
        old: _Source,
        write: Callable[[bytes], object],
        *,
        flush: Callable[[], object] | None = None,
        max_memory: int | None = None,
        max_output: int | None = None,
    ) -> Applier: ...
    @staticmethod
    def resume(
        old: _Source,
        write: Callable[[bytes], object],
        checkpoint: bytes,
        *,
        flush: Callable[[], object] | None = None,
        max_memory: int | None = None,
        max_output: int | None = None,
    ) -> Applier: ...
    def push(self, piece: _Bytes) -> None: ...
    def finish(self) -> ApplyStats: ...
    def checkpoint(self) -> bytes: ...
    @property
    def info(self) -> DeltaInfo | None: ...
    @property
    def delta_offset(self) -> int: ...
    @property
    def output_offset(self) -> int: ...

@final
class TreePatch:
    def __new__(
        cls,
        source: _Source,
        *,
        operations: _Source | None = None,
        public_keys: Sequence[str] = (),
        signature: str | None = None,
    ) -> TreePatch: ...
    @property
    def info(self) -> TreePatchInfo: ...
    @property
    def path(self) -> Path | None: ...
    def changes(self) -> tuple[TreeChange, ...]: ...
    def verify(
        self,
        *,
        max_memory: int | None = None,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> TreePatchContents: ...
    def plan(
        self,
        root: _Path,
        *,
        overwrite_local: bool = False,
        threads: int | None = None,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> TreePlan: ...
    def apply(
        self,
        root: _Path,
        *,
        overwrite_local: bool = False,
        no_backup: bool = False,
        threads: int | None = None,
        max_memory: int | None = None,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> TreeApplyStats: ...
    def verify_tree(
        self,
        root: _Path,
        *,
        threads: int | None = None,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> TreeVerification: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Updater:
    def __new__(
        cls,
        root: _Path,
        *,
        public_keys: Sequence[str] = (),
        installed: str | None = None,
        required: Sequence[str] = (),
        force_full: bool = False,
        architecture: str | None = None,
        cache: _Path | None = None,
        overwrite_local: bool = False,
        no_backup: bool = False,
        threads: int | None = None,
        max_memory: int | None = None,
        max_size: int | None = None,
        max_bytes_per_second: int | None = None,
        idle_timeout: float | None = None,
        retries: int | None = None,
        proxy: str | None = None,
        authorities: _Path | None = None,
    ) -> Updater: ...
    @property
    def root(self) -> Path: ...
    def update_from_package_info(
        self,
        document: _Source,
        *,
        base: str = ".",
        dry_run: bool = False,
        download_only: bool = False,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> UpdateReport: ...
    def update_from_service_manifest(
        self,
        document: _Source,
        *,
        base: str = ".",
        dry_run: bool = False,
        download_only: bool = False,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> UpdateReport: ...
    def update_from_repository(
        self,
        url: str | os.PathLike[str] | os.PathLike[bytes],
        *,
        end: str | None = None,
        repair: bool = False,
        keep_local: Sequence[str] = (),
        dry_run: bool = False,
        download_only: bool = False,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> RepositoryUpdateReport: ...

@final
class Repository:
    def __new__(
        cls,
        path: _Path,
        *,
        architecture: str | None = None,
        key: _Path | None = None,
        password: str | None = None,
    ) -> Repository: ...
    @staticmethod
    def init(
        path: _Path,
        *,
        plain: bool = False,
        architecture: str | None = None,
        key: _Path | None = None,
        password: str | None = None,
    ) -> Repository: ...
    @staticmethod
    def rebuild(
        path: _Path,
        *,
        architecture: str | None = None,
        key: _Path | None = None,
        password: str | None = None,
        dry_run: bool = False,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> RebuildReport: ...
    @property
    def path(self) -> Path: ...
    def manifest(self) -> RepositoryManifest: ...
    def publish(
        self,
        source: _Path,
        version: str,
        *,
        notes: str | None = None,
        expires_at: str | None = None,
        squash_from: int = 0,
        dry_run: bool = False,
        exclude: Sequence[str] = (),
        dereference: bool = False,
        keep_local: Sequence[str] = (),
        replace_directories: Sequence[str] = (),
        level: int | None = None,
        compression: _Compression = "deflate",
        threads: int | None = None,
        max_apply_memory: int | None = None,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> PublishReport: ...
    def plan(self, start: str | None = None, end: str | None = None) -> UpdatePlan: ...
    def prune(
        self,
        *,
        keep: int = 5,
        dry_run: bool = False,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> PruneReport: ...
    def withdraw(
        self,
        version: str,
        *,
        dry_run: bool = False,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> WithdrawReport: ...
    def new_base(
        self,
        *,
        dry_run: bool = False,
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> RebuildReport: ...
    def verify(
        self,
        *,
        public_keys: Sequence[str] = (),
        progress: _Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> RepositoryVerification: ...
