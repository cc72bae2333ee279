#!/usr/bin/python3
"""Writes what fuzzing maps and bodies of evidence starts from.

Usage: seeds.py CATALOGUE MAPS BODIES

The documents are under the root of CATALOGUE. A body's first byte picks the
enclave of fuzz_body.c.
"""

import base64
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "catalogue"))

import nitro  # noqa: E402
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402

PCRS = {"PCR0": "a1" * 48, "pcr8": "b2" * 48}
RULE = {"field": "user_data", "object": "spki", "transform": "sha256"}


def enclave(**members):
    return {"enclaves": {"e": {"url": "https://e", "pcrs": PCRS, **members}}}


def maps():
    yield "short", {"e.example:444": PCRS}
    yield "list", {"e": [PCRS, {"label": "v2", **PCRS}]}
    yield "nitro-cli", {"e": {"Measurements": {
        "HashAlgorithm": "Sha384 { ... }", **PCRS}}}
    yield "domain", {"domain": "app-1.enclave.example", "enclaves": {
        "app_1": PCRS}}
    yield "defaults", {"version": 1, "defaults": {"max_age_ms": 60000},
                       **enclave(clock_skew_ms=1, fetch_timeout_ms=100)}
    yield "delegated", {"e": {"url": "https://e", "evidence_of": {
        "evidence_url": "https://g/x", "pcrs": PCRS}}}
    yield "insecure", enclave(insecure_keep_withdrawn=True)
    yield "trust", enclave(trust="attested_key", profile="dstack")
    yield "expires", {"e": {"expires": "2030-01-01T00:00:00Z", **PCRS}}
    for name in ("evervault", "nitriding", "oyster", "nitro-ra-tls",
                 "dstack", "evervault-cages"):
        yield "profile-" + name, enclave(profile=name)
    yield "oyster-key", enclave(profile={"name": "oyster", "key": "p256"})
    yield "composed", enclave(profile={
        "encoding": "json", "member": "m", "path": "/a?b=1",
        "nonce": "query", "binding": RULE})
    yield "composed-leaf", enclave(profile={
        "evidence": "certificate", "wrapping": "cmw", "binding": {
            **RULE, "prefix": "x:"}})


def document(root, user_data):
    made = nitro.Document()
    made.bundle = [level.build() for level in made.levels[:-1]]
    made.bundle[0] = root
    made.fields["user_data"] = nitro.bstr(user_data)
    return made.build()


def compact(data):
    return (len(data) << 2 | 2).to_bytes(4, "little") + data


def leaf(*extensions):
    certificate = nitro.chain()[-1]
    certificate.extensions += extensions
    return certificate.build()


def bodies(root):
    private = nitro.chain()[-1].private
    digest = hashes.Hash(hashes.SHA256())
    digest.update(private.public_key().public_bytes(
        serialization.Encoding.DER,
        serialization.PublicFormat.SubjectPublicKeyInfo))
    good = document(root, digest.finalize())
    plain = base64.b64encode(good)
    url_safe = base64.urlsafe_b64encode(good).rstrip(b"=").decode()
    kind = "application/aws-nitro-document"
    yield "raw", 0, good
    yield "raw-unbound", 0, document(root, b"x")
    yield "hex", 1, good.hex().encode() + b"\r\n"
    yield "base64", 2, plain + b"\n"
    yield "json", 3, json.dumps({"document": plain.decode()}).encode()
    yield "json-default", 3, json.dumps(
        {"attestation_doc": plain.decode()}).encode()
    octets = nitro.octets
    cmw, dstack = "1.3.6.1.5.5.7.1.35", "1.3.6.1.4.1.62397.1.8"
    yield "cmw", 4, leaf(nitro.extension(cmw, octets(nitro.array(
        [nitro.tstr(kind), nitro.bstr(good)]))))
    yield "cmw-indicator", 4, leaf(nitro.extension(cmw, octets(nitro.array(
        [nitro.tstr(kind), nitro.bstr(good), nitro.uint(4)]))))
    yield "cmw-json", 4, leaf(nitro.extension(cmw, nitro.tlv(
        0x0c, json.dumps([kind, url_safe]).encode())))
    yield "cmw-type", 4, leaf(nitro.extension(cmw, octets(nitro.array(
        [nitro.tstr("x"), nitro.bstr(good)]))))
    yield "dstack", 5, leaf(nitro.extension(dstack, octets(
        b"\0\2" + compact(good))))
    yield "dstack-tdx", 5, leaf(nitro.extension(dstack, octets(
        b"\0\0" + compact(good))))
    yield "san", 6, leaf(nitro.extension("2.5.29.17", nitro.seq(
        nitro.tlv(0x82, good.hex().encode() + b".cage.example"))))
    yield "bare", 6, leaf()


def main(catalogue, maps_folder, bodies_folder):
    with open(pathlib.Path(catalogue) / "root.pem", "rb") as f:
        root = x509.load_pem_x509_certificate(f.read()).public_bytes(
            serialization.Encoding.DER)
    for folder in (maps_folder, bodies_folder):
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    for name, value in maps():
        (pathlib.Path(maps_folder) / name).write_text(
            json.dumps(value), encoding="ascii")
    for name, which, data in bodies(root):
        (pathlib.Path(bodies_folder) / name).write_bytes(
            bytes([which]) + data)


main(*sys.argv[1:])
