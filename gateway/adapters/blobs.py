"""Open the content store that a URL names."""

from pathlib import Path

from gateway.adapters.local_blobs import LocalBlobs
from gateway.domain.content import BlobFailed
from gateway.domain.errors import GatewayError
from gateway.ports import Blobs

_S3 = "s3://"


class UnusableContentStore(GatewayError):
    """`content.url` can't be used; the message is for operators."""


def open_blobs(url: str, *, create: bool) -> Blobs | None:
    """Open what `content.url` names: a folder, or `s3://bucket/prefix`.

    With `create` False nothing new is stored, and a missing folder is not created. Blocks the
    thread while it reads the folder; no request is sent to S3.

    Raises:
        UnusableContentStore: it can't be opened.

    """
    try:
        if url.startswith(_S3):
            return _open_s3(url)
        return LocalBlobs.open_folder(Path(url), create=create)
    except BlobFailed as error:
        raise UnusableContentStore(f"content.url: can't use {url}: {error.why}") from error


def _open_s3(url: str) -> Blobs:
    try:
        # obstore is needed only if videos are stored in S3.
        from gateway.adapters.s3_blobs import S3Blobs
    except ImportError as error:
        raise UnusableContentStore(
            f"content.url: {url} needs the package obstore: pip install 'video-gateway[s3]'"
        ) from error
    return S3Blobs(url)
