"""Which content store a URL means."""

from pathlib import Path

from gateway.adapters.local_blobs import LocalBlobs
from gateway.domain.content import BlobFailed
from gateway.domain.errors import GatewayError
from gateway.ports import Blobs

_S3 = "s3://"


class UnusableContentStore(GatewayError):
    """`content.url` can't be used; said in plain words, for an operator."""


def open_blobs(url: str, *, create: bool) -> Blobs | None:
    """Open what `content.url` names: a folder, or `s3://bucket/prefix`.

    `create` False (nothing new is to be stored): a folder that is no store yet stays none. Blocks
    the thread for as long as it takes to look into a folder; S3 is not asked anything.

    Raises:
        UnusableContentStore: it can't be opened.

    """
    try:
        if url.startswith(_S3):
            # Only who keeps videos in S3 loads what speaks to it.
            from gateway.adapters.s3_blobs import S3Blobs

            return S3Blobs(url)
        return LocalBlobs.open_folder(Path(url), create=create)
    except BlobFailed as error:
        raise UnusableContentStore(f"content.url: can't use {url}: {error.why}") from error
