"""Keys and signatures: what is not signed by a trusted key is not opened."""

from __future__ import annotations

import base64
import pickle
import sys
from pathlib import Path

import pytest
from conftest import House

import patchcore
from patchcore import TreePatch


def key(house: House, name: str = "key") -> str:
    return patchcore.create_key_files(house / name)


def test_a_key_is_two_files_and_the_secret_one_is_its_owner_s_alone(house: House) -> None:
    text = key(house)
    assert (house / "key.pub").read_text() == text
    assert len(patchcore.key_id(text)) == 16 and patchcore.key_id(text) in text
    assert patchcore.key_id(text.splitlines()[1]) == patchcore.key_id(text)
    if sys.platform != "win32":
        assert (house / "key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(patchcore.InvalidArgumentError):
        key(house)
    assert patchcore.create_key_files(house / "key", force=True) != text
    with pytest.raises(patchcore.PatchcoreError):
        patchcore.key_id("no key")


def test_a_signed_file_verifies_and_no_other_does(house: House) -> None:
    public, other = key(house), key(house, "other")
    file = house / "one" / "big"
    made = patchcore.sign_file(file, house / "key", trusted_comment="for a test")
    assert made == patchcore.SignatureFile(house / "one" / "big.minisig", patchcore.key_id(public), "for a test")
    signed = patchcore.verify_file(file, [other, public])
    assert signed == patchcore.SignedFile(patchcore.digest(file), made.key_id)
    with pytest.raises(patchcore.UntrustedKeyError):
        patchcore.verify_file(file, [other])
    with pytest.raises(patchcore.BadSignatureError):
        patchcore.verify_file(house / "one" / "same", [public])
    with pytest.raises(patchcore.BadSignatureError):
        patchcore.verify_file(house / "one" / "same", [public], signature=made.path.read_text())
    with pytest.raises(patchcore.InvalidArgumentError):
        patchcore.verify_file(file, [])
    with pytest.raises(TypeError):
        patchcore.verify_file(file, public)


def test_a_signature_goes_where_it_is_told_to_and_comes_as_text_or_base64(house: House) -> None:
    public, file = key(house), house / "one" / "big"
    patchcore.sign_file(file, house / "key", out=house / "signature")
    with pytest.raises(patchcore.BadSignatureError):
        patchcore.verify_file(file, [public])
    text = (house / "signature").read_text()
    for signature in (text, base64.b64encode(text.encode()).decode()):
        assert patchcore.verify_file(file, [public], signature=signature).key_id == patchcore.key_id(public)
    with pytest.raises(patchcore.PatchcoreError):
        patchcore.sign_file(file, house / "key", out=house / "signature", no_clobber=True)


def test_a_password_is_needed_where_there_is_one(house: House) -> None:
    public = patchcore.create_key_files(house / "key", password="secret")
    file = house / "one" / "big"
    for password in (None, "wrong"):
        with pytest.raises(patchcore.PatchcoreError):
            patchcore.sign_file(file, house / "key", password=password)
    patchcore.sign_file(file, house / "key", password="secret")
    patchcore.verify_file(file, [public])


def test_where_a_signature_is_demanded_nothing_unsigned_is_opened(house: House) -> None:
    house.diff("one", "two", "p.zip")
    package, public = house / "p.zip", key(house)
    with pytest.raises(patchcore.BadSignatureError) as raised:
        TreePatch(package, public_keys=[public])
    assert raised.value.path == str(package)
    made = patchcore.sign_file(package, house / "key")
    patch = TreePatch(package, public_keys=(public,))
    assert patch.info.key_id == made.key_id
    text = made.path.read_text()
    for signature in (text, base64.b64encode(text.encode()).decode()):
        assert TreePatch(package.read_bytes(), public_keys=[public], signature=signature).info.key_id == made.key_id
    with pytest.raises(patchcore.BadSignatureError):
        TreePatch(package.read_bytes(), public_keys=[public])
    with pytest.raises(patchcore.UntrustedKeyError):
        TreePatch(package, public_keys=[key(house, "other")])
    with pytest.raises(patchcore.PatchcoreError):
        TreePatch(package, public_keys=["no key"])
    assert TreePatch(package).info.key_id is None
    patch.apply(house / "one")
    assert house.digest("one") == house.digest("two")


def test_another_process_demands_the_signature_too(house: House) -> None:
    house.diff("one", "two", "p.zip")
    public = key(house)
    patchcore.sign_file(house / "p.zip", house / "key")
    pickled = pickle.dumps(TreePatch(house / "p.zip", public_keys=[public]))
    assert pickle.loads(pickled).info.key_id == patchcore.key_id(public)
    house.diff("one", "three", "p.zip")
    with pytest.raises(patchcore.BadSignatureError):
        pickle.loads(pickled)


def test_what_is_damaged_after_it_was_verified_is_not_used(house: House) -> None:
    house.diff("one", "two", "p.zip", compression="stored")
    package, public = house / "p.zip", key(house)
    patchcore.sign_file(package, house / "key")
    patch, before = TreePatch(package, public_keys=[public]), house.digest("one")
    content = package.read_bytes()
    with package.open("r+b") as file:
        file.seek(content.index(b"written for version 1"))
        file.write(b"forged")
    try:
        patch.apply(house / "one")
        expected = house.digest("two")
    except patchcore.CorruptError:
        expected = before
    assert house.digest("one") == expected


def test_who_stops_the_signing_leaves_no_signature(house: House) -> None:
    key(house)

    def fail(_: patchcore.Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        patchcore.sign_file(house / "one" / "big", house / "key", progress=fail)
    assert not Path(f"{house / 'one' / 'big'}.minisig").exists()
