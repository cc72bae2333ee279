#!/usr/bin/python3
"""Writes the catalogue of hostile documents into a folder.

    catalogue.py OUTPUT

Each document breaks one rule and nothing else, and where the rule lies behind
the signature it is signed under the test root, so that only the rule can
refuse it. manifest.json says of each what the verifier must answer: status,
step, and a piece of the message. At each limit there is one that passes.
rules.txt lists each rule with its documents; a rule without one fails here.

Section names: "1".."7" are those of the AWS specification as the verifier's
comments cite them; A, B, C are the known pitfalls (Nitro, COSE and CBOR,
X.509) with their numbers.
"""

import json
import os
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, utils

import nitro
from nitro import (
    CA_USAGES, DAY_MS, HOUR_MS, INSTANCE_CA, KEY_IDS, LEAF, NOW_MS, NULL,
    P384, P384_ORDER, REGIONAL, ROOT, SECOND_MS, ZONAL, Certificate, Document,
    array, authority_key_id, basic_constraints, bstr, cbor_map, extension,
    head, key_usage, negative, oid, p384_spki, pcr_pairs, point, seq,
    subject_key_id, tlv, tstr, uint)

CASES = []

BASE = [level.build() for level in nitro.chain()]
BASE_PEM = nitro.pem(BASE[ROOT])
MAX_AGE_MS = 3600000
SKEW_MS = 5000


def add(rule, title, document, status, step, message, **times):
    data = document if isinstance(document, bytes) else document.build()
    CASES.append({
        "title": title, "rule": rule, "data": data, "status": status,
        "step": step, "message": message,
        "newer_message": times.get("newer_message", message),
        "now_ms": times.get("now_ms", NOW_MS),
        "max_age_ms": times.get("max_age_ms", MAX_AGE_MS),
        "clock_skew_ms": times.get("clock_skew_ms", SKEW_MS),
    })


def passes(rule, title, document, **times):
    add(rule, title, document, "OK", "none", "", **times)


def refuses(kind, rule, title, document, message, **times):
    status, step = {
        "size": ("ERR_DOCUMENT_SIZE", "structure"),
        "cose": ("ERR_COSE", "structure"),
        "cbor": ("ERR_CBOR", "structure"),
        "field": ("ERR_FIELD", "structure"),
        "certificate": ("ERR_CERTIFICATE", "structure"),
        "root": ("ERR_ROOT", "chain"),
        "chain": ("ERR_CHAIN", "chain"),
        "signature": ("ERR_SIGNATURE", "signature"),
        "expired": ("ERR_EXPIRED", "time"),
        "early": ("ERR_NOT_YET_VALID", "time"),
        "old": ("ERR_TOO_OLD", "time"),
        "future": ("ERR_FROM_FUTURE", "time"),
    }[kind]
    add(rule, title, document, status, step, message, **times)


def base():
    """A good document with the certificates that all share."""
    document = Document()
    document.bundle = list(BASE[:-1])
    document.certificate = BASE[LEAF]
    return document


def having(**parts):
    document = base()
    for part, value in parts.items():
        setattr(document, part, value)
    return document


def with_fields(**fields):
    document = base()
    for field, value in fields.items():
        if value is None:
            del document.fields[field]
        else:
            document.fields[field] = value
    return document


def with_payload(edit):
    """The payload as bytes, edited, then signed like any other."""
    document = base()
    document.payload = edit(document.build_payload())
    return document


def with_leaf(edit):
    levels = nitro.chain()
    edit(levels[LEAF])
    document = Document(levels)
    document.bundle = list(BASE[:-1])
    return document


def with_ca(level, edit):
    """One issuer changed; what it issues is built again under it."""
    levels = nitro.chain()
    edit(levels[level])
    document = Document(levels)
    document.bundle = BASE[:level] + [
        certificate.build() for certificate in levels[level:-1]]
    return document


def with_levels(levels):
    nitro.link(levels)
    document = Document(levels)
    document.bundle = [BASE[0]] + [
        certificate.build() for certificate in levels[1:-1]]
    return document


def put(part, value):
    return lambda certificate: setattr(certificate, part, value)


def envelope_cases():
    """Section 1; pitfalls B1 to B7."""
    passes("1", "good document", base())
    passes("1", "tag 18 in one byte", having(tag=b"\xd2"))
    for title, tag in (("tag 18 in two bytes", b"\xd8\x12"),
                       ("tag 18 twice", b"\xd2\xd2"),
                       ("tag 17 (COSE_Mac0)", b"\xd1"),
                       ("tag 98 (COSE_Sign)", b"\xd8\x62"),
                       ("tag 61 (CWT) before tag 18", b"\xd8\x3d\xd2")):
        refuses("cose", "B6", title, having(tag=tag), "array of four")
    for title, start in (("array of three", b"\x83"), ("five", b"\x85"),
                         ("indefinite array", b"\x9f"),
                         ("array head not shortest", b"\x98\x04"),
                         ("map", b"\xa4"), ("array of 2^32-1",
                                            b"\x9a\xff\xff\xff\xff")):
        refuses("cose", "B6", title, having(array_head=start),
                "array of four")
    refuses("cose", "B6", "indefinite array with its break",
            having(array_head=b"\x9f", trailing=b"\xff"), "array of four")
    protected = (
        ("ES256", bstr(b"\xa1\x01\x26")), ("ES512", bstr(b"\xa1\x01\x38\x23")),
        ("no algorithm", bstr(b"")), ("empty map", bstr(b"\xa0")),
        ("ES384 as text", bstr(b"\xa1\x01" + tstr("ES384"))),
        ("label not shortest", bstr(b"\xa1\x18\x01\x38\x22")),
        ("algorithm not shortest", bstr(b"\xa1\x01\x39\x00\x22")),
        ("length not shortest", bstr(b"\xa1\x01\x38\x22", 1)),
        ("indefinite map", bstr(b"\xbf\x01\x38\x22\xff")),
        ("byte after the map", bstr(b"\xa1\x01\x38\x22\x00")),
        ("algorithm twice", bstr(b"\xa2\x01\x38\x22\x01\x38\x22")),
        ("crit beside", bstr(b"\xa2\x01\x38\x22\x02\x81\x04")),
        ("map, not wrapped", b"\xa1\x01\x38\x22"),
        ("in chunks", b"\x5f\x44\xa1\x01\x38\x22\xff"))
    for title, value in protected:
        refuses("cose", "B1", "protected header: " + title,
                having(protected=value), "protected header")
    unprotected = (("algorithm", b"\xa1\x01\x38\x22"),
                   ("kid", b"\xa1\x04\x41\x31"),
                   ("payload inside", b"\xa1\x00\x41\x31"),
                   ("indefinite", b"\xbf\xff"), ("null", NULL),
                   ("not shortest", b"\xb8\x00"))
    for title, value in unprotected:
        refuses("cose", "B3", "unprotected header: " + title,
                having(unprotected=value), "unprotected header")
    refuses("cose", "B1", "algorithm only in the unprotected header",
            having(protected=b"\x40", unprotected=b"\xa1\x01\x38\x22"),
            "protected header")
    payloads = (
        ("null (detached)", lambda p: NULL, "null"),
        ("empty", lambda p: b"\x40", "empty payload"),
        ("text", tstr, "text string"),
        ("in chunks", lambda p: b"\x5f" + bstr(p) + b"\xff", "chunks"),
        ("not wrapped", lambda p: p, "a map"),
        ("length not shortest", lambda p: bstr(p, 4), "shortest"),
        ("of 2^64-1 bytes", lambda p: b"\x5b" + b"\xff" * 8 + p, "ends"),
        ("of 2^63 bytes", lambda p: b"\x5b\x80" + bytes(7) + p, "ends"),
        ("one byte short", lambda p: bstr(p)[:-1], "signature"),
    )
    for title, encode, message in payloads:
        refuses("cose", "B6", "payload " + title,
                having(encode_payload=encode), message)
    signatures = (
        ("of 95 bytes", lambda s: bstr(s[:-1]), "95 bytes"),
        ("of 97 bytes", lambda s: bstr(s + b"\0"), "97 bytes"),
        ("of 64 bytes (ES256)", lambda s: bstr(s[:64]), "64 bytes"),
        ("of no bytes", lambda s: bstr(b""), "0 bytes"),
        ("length not shortest", lambda s: bstr(s, 2), "shortest"),
        ("as text", lambda s: tstr(s), "text string"),
        ("in chunks", lambda s: b"\x5f" + bstr(s) + b"\xff", "chunks"),
        ("missing", lambda s: b"", "ends early"),
        ("in DER", lambda s: bstr(utils.encode_dss_signature(
            int.from_bytes(s[:48], "big"), int.from_bytes(s[48:], "big"))),
         "bytes, ES384 has 96"))
    for title, encode, message in signatures:
        refuses("cose", "B2", "signature " + title,
                having(encode_signature=encode), message)
    refuses("cose", "B5", "byte after the document",
            having(trailing=b"\x00"), "1 bytes after its end")
    refuses("cose", "B5", "second document after the document",
            base().build() * 2, "after its end")
    refuses("cose", "1", "empty", b"", "is empty")
    refuses("cose", "1", "tag alone", b"\xd2", "array of four")
    refuses("cose", "1", "JSON", b'{"document": "hEShATgi"}', "array of four")
    refuses("cose", "B9", "five thousand nested arrays", b"\x81" * 5000,
            "array of four")
    limit = b"\x84\x44\xa1\x01\x38\x22\xa0" + bstr(
        bytes([0xa1]) + tstr("x" * (16384 - 7 - 3 - 1 - 3 - 1 - 98))
        + NULL) + bstr(bytes(96))
    assert len(limit) == 16384
    refuses("field", "1", "16384 bytes get past the cap", limit, "unknown key")
    refuses("size", "1", "16385 bytes", limit + b"\0", "16385 bytes")


def signature_cases():
    """RFC 9052 4.4; pitfalls B2, B7."""
    def halves(edit):
        def encode(signature):
            r = int.from_bytes(signature[:48], "big")
            s = int.from_bytes(signature[48:], "big")
            r, s = edit(r, s)
            return r.to_bytes(48, "big") + s.to_bytes(48, "big")
        return encode

    n = P384_ORDER
    passes("B7", "s turned into n - s: malleable, and no other meaning",
           having(signature=halves(lambda r, s: (r, n - s))))
    forged = (
        ("r is 0", lambda r, s: (0, s)), ("s is 0", lambda r, s: (r, 0)),
        ("r and s are 0", lambda r, s: (0, 0)),
        ("r is n", lambda r, s: (n, s)), ("s is n", lambda r, s: (r, n)),
        ("r and s are 1", lambda r, s: (1, 1)),
        ("all bits set", lambda r, s: ((1 << 384) - 1, (1 << 384) - 1)),
        ("r turned into n - r", lambda r, s: (n - r, s)),
        ("halves swapped", lambda r, s: (s, r)),
        ("last bit changed", lambda r, s: (r, s ^ 1)),
        ("first bit changed", lambda r, s: (r ^ 1 << 383, s)))
    for title, edit in forged:
        refuses("signature", "B2", "signature: " + title,
                having(signature=halves(edit)), "not signed by the key")
    levels = nitro.chain()
    signers = (("the instance CA", levels[INSTANCE_CA].private),
               ("the root", levels[ROOT].private),
               ("a key from nowhere", nitro.key(77)))
    for title, private in signers:
        refuses("signature", "1", "signed by " + title, having(signer=private),
                "not signed by the key")
    structures = (
        ("the payload alone", lambda p: p),
        ("context Signature", lambda p: array(
            [tstr("Signature"), bstr(b"\xa1\x01\x38\x22"), bstr(b""),
             bstr(p)])),
        ("external data", lambda p: array(
            [tstr("Signature1"), bstr(b"\xa1\x01\x38\x22"), bstr(b"x"),
             bstr(p)])),
        ("another algorithm", lambda p: array(
            [tstr("Signature1"), bstr(b"\xa1\x01\x26"), bstr(b""),
             bstr(p)])),
        ("lengths not shortest", lambda p: array(
            [tstr("Signature1"), bstr(b"\xa1\x01\x38\x22"), bstr(b""),
             bstr(p, 4)])))
    for title, structure in structures:
        refuses("signature", "1", "signed over " + title,
                having(to_be_signed=structure), "not signed by the key")
    document = base()
    digest = nitro.raw_signature(
        document.levels[LEAF].private,
        array([tstr("Signature1"), bstr(b"\xa1\x01\x38\x22"), bstr(b""),
               bstr(document.build_payload())]), hashes.SHA256())
    refuses("signature", "B2", "signed over SHA-256",
            having(signature=digest), "not signed by the key")
    refuses("signature", "A18", "another PCR after signing",
            base().build().replace(bytes([1] * 48), bytes([2] * 48)),
            "not signed by the key")
    refuses("signature", "1", "forged and expired at once",
            having(signer=nitro.key(77)), "not signed by the key",
            now_ms=NOW_MS + 3000 * DAY_MS)


def payload_cases():
    """Section 2; pitfalls A6, B4, B5, B8 to B11."""
    passes("A6", "definite outer map", having(indefinite=False))
    passes("A6", "indefinite pcrs and cabundle", with_fields(
        pcrs=cbor_map(pcr_pairs(range(16)), True),
        cabundle=b"\x9f" + b"".join(map(bstr, BASE[:-1])) + b"\xff"))
    shuffled = base()
    shuffled.fields = dict(reversed(shuffled.fields.items()))
    passes("2", "keys in another order", shuffled)
    refuses("cbor", "B5", "byte after the payload's map",
            with_payload(lambda p: p + b"\0"), "1 bytes after its map")
    refuses("cbor", "2", "no break", with_payload(lambda p: p[:-1]),
            "ends early")
    refuses("field", "2", "break in a definite map", with_payload(
        lambda p: b"\xaa" + p[1:]), "a break for a key")
    refuses("cbor", "2", "one pair more than there are", with_payload(
        lambda p: b"\xaa" + p[1:-1]), "ends early")
    refuses("field", "2", "break where a value should be", with_payload(
        lambda p: p[:-2] + b"\xff"), "a break")
    for title, payload in (("array", b"\x80"), ("number", b"\x01"),
                           ("null", NULL), ("text", tstr("pcrs"))):
        refuses("cbor", "2", "payload is " + title, having(payload=payload),
                "not a map")
    refuses("cbor", "2", "payload is wrapped twice",
            with_payload(lambda p: bstr(p)), "not a map")
    refuses("field", "2", "payload is an empty map", having(payload=b"\xa0"),
            "no module_id")
    bombs = (("map of 2^28", b"\xba\x0f\xff\xff\xff"),
             ("map of 2^64-1", b"\xbb" + b"\xff" * 8),
             ("map one larger than its bytes", b"\xa2" + b"\x00" * 3))
    for title, payload in bombs:
        refuses("cbor", "B8", title, having(payload=payload), "claims more")
    refuses("cbor", "B8", "pcrs of 2^27", with_fields(
        pcrs=b"\xba\x07\xff\xff\xff"), "claims more")
    refuses("cbor", "B8", "cabundle of 2^31", with_fields(
        cabundle=b"\x9a\x80\x00\x00\x00"), "claims more")
    refuses("cbor", "B8", "user_data of 2^40 bytes", with_fields(
        user_data=b"\x5b\x00\x00\x01\x00\x00\x00\x00\x00"), "ends early")
    refuses("field", "B9", "maps in maps", having(
        payload=(b"\xa1" + tstr("pcrs")) * 500 + b"\xa0"),
        "pcrs has a text string for an index")
    refuses("field", "B9", "arrays in arrays", with_fields(
        cabundle=b"\x81" * 3000 + b"\x80"), "cabundle[0] is an array")
    for field in base().fields:
        refuses("cbor", "B4", field + " twice", having(extra=[
            (tstr(field), base().fields[field] or bstr(BASE[LEAF]))]),
            field + " twice")
        document = having(indefinite=False)
        document.extra = [(tstr(field), NULL)]
        refuses("cbor", "B4", field + " twice, in a definite map", document,
                field + " twice")
    keys = (
        ("prefix of a known key", tstr("pcr"), "unknown key"),
        ("known key with a NUL", tstr("pcrs\0"), "unknown key"),
        ("empty key", tstr(""), "unknown key"),
        ("key in capitals", tstr("PCRS"), "unknown key"),
        ("bytes for a key", bstr(b"pcrs"), "byte string for a key"),
        ("number for a key", uint(1), "unsigned integer for a key"),
        ("null for a key", NULL, "null for a key"),
        ("unknown key", tstr("locked_pcrs"), "unknown key \"locked_pcrs\""))
    for title, name, message in keys:
        refuses("field", "B11", title, having(extra=[(name, NULL)]), message)
    refuses("cbor", "B10", "key in chunks", having(
        extra=[(b"\x7f\x61x\xff", NULL)]), "chunks")
    refuses("cbor", "B6", "key's length not shortest", having(
        extra=[(tstr("x", 1), NULL)]), "shortest")
    refuses("cbor", "B13", "reserved head", having(
        extra=[(b"\x1c", NULL)]), "not well-formed")
    refuses("field", "A10", "NitroTPM document", with_payload(
        lambda p: p.replace(tstr("pcrs"), tstr("nitrotpm_pcrs"))),
        "of a NitroTPM")
    refuses("field", "A10", "nitrotpm_pcrs beside pcrs", having(
        extra=[(tstr("nitrotpm_pcrs"), cbor_map(pcr_pairs(range(24))))]),
        "of a NitroTPM")
    for field in list(base().fields)[:6]:
        refuses("field", "2", field + " missing", with_fields(
            **{field: None}), "no " + field)
        refuses("field", "A8", field + " null", with_fields(**{field: NULL}),
                field + " is null")
        refuses("field", "B12", field + " undefined", with_fields(
            **{field: b"\xf7"}), field + " is a simple value")
        refuses("field", "B12", field + " tagged", with_fields(
            **{field: b"\xd8\x20" + NULL}), field + " is a tag")


def field_cases():
    """Section 2, field by field; pitfalls A7 to A9, B10, B12, B13."""
    passes("2", "module_id of 128 bytes", with_fields(
        module_id=tstr("i" * 128)))
    passes("2", "module_id of one byte", with_fields(module_id=tstr("i")))
    refuses("field", "2", "module_id of 129 bytes", with_fields(
        module_id=tstr("i" * 129)), "129 bytes")
    refuses("field", "2", "module_id empty", with_fields(module_id=tstr("")),
            "module_id is empty")
    for title, text, byte in (("NUL", b"i-0\0x", "0x00"),
                              ("a line end", b"i\n", "0x0a"),
                              ("DEL", b"i\x7f", "0x7f"),
                              ("UTF-8", "i-\u00e9".encode(), "0xc3"),
                              ("broken UTF-8", b"i\xff", "0xff"),
                              ("an escape", b"\x1b[2J", "0x1b")):
        refuses("field", "B13", "module_id with " + title, with_fields(
            module_id=tstr(text)), byte)
    refuses("field", "B12", "module_id as bytes", with_fields(
        module_id=bstr(b"i-0")), "not a text string")
    refuses("cbor", "B10", "module_id in chunks", with_fields(
        module_id=b"\x7f\x61i\xff"), "chunks")
    for title, text in (("SHA256", "SHA256"), ("SHA512", "SHA512"),
                        ("sha384", "sha384"), ("with a NUL", "SHA384\0"),
                        ("a prefix", "SHA38"), ("empty", "")):
        refuses("field", "2", "digest " + title, with_fields(
            digest=tstr(text)), "digest is not SHA384")
    refuses("field", "B12", "digest as bytes", with_fields(
        digest=bstr(b"SHA384")), "not a text string")
    for title, value, message in (
            ("0", uint(0), "timestamp is 0"),
            ("negative", negative(-NOW_MS), "negative"),
            ("float", b"\xfb" + bytes(8), "float"),
            ("text", tstr(str(NOW_MS)), "text"),
            ("bytes", bstr(b"\0" * 8), "byte string"),
            ("2^64-1", uint((1 << 64) - 1), "year 9999"),
            ("2^63", uint(1 << 63), "year 9999"),
            ("year 10000", uint(253402300800000), "year 9999")):
        refuses("field", "B12", "timestamp " + title, with_fields(
            timestamp=value), message)
    refuses("cbor", "B6", "timestamp not shortest", with_fields(
        timestamp=uint(12345, 8)), "shortest")
    refuses("field", "B12", "timestamp as bignum", with_fields(
        timestamp=b"\xc2" + bstr(b"\1" * 6)), "a tag")
    refuses("future", "B12", "timestamp in the last millisecond of 9999",
            with_fields(timestamp=uint(253402300799999)), "document was made")
    refuses("old", "B12", "timestamp 1", with_fields(timestamp=uint(1)),
            "greatest age")
    pcr_cases()
    passes("2", "cabundle of 8 certificates", long_chain(8))
    refuses("field", "C4", "cabundle of 9 certificates", long_chain(9),
            "more than 8")
    refuses("field", "2", "cabundle empty", with_fields(cabundle=array([])),
            "cabundle is empty")
    refuses("field", "2", "cabundle indefinite and empty", with_fields(
        cabundle=b"\x9f\xff"), "cabundle is empty")
    refuses("field", "B12", "cabundle as map", with_fields(
        cabundle=cbor_map([])), "not an array")
    for title, value, message in (
            ("empty", bstr(b""), "cabundle[1] is empty"),
            ("of 1025 bytes", bstr(b"0" * 1025), "1025 bytes"),
            ("null", NULL, "is null"), ("text", tstr("x"), "text string"),
            ("an array", array([]), "an array")):
        refuses("field", "2", "bundled certificate " + title, with_fields(
            cabundle=array([bstr(BASE[0]), value])), message)
    refuses("cbor", "B10", "bundled certificate in chunks", with_fields(
        cabundle=array([b"\x5f" + bstr(BASE[0]) + b"\xff"])), "chunks")
    refuses("field", "2", "certificate empty", with_fields(
        certificate=bstr(b"")), "certificate is empty")
    passes("2", "certificate of 1024 bytes", with_leaf(padded(1024)))
    refuses("field", "2", "certificate of 1025 bytes", with_leaf(padded(1025)),
            "1025 bytes")
    for field in ("public_key", "user_data", "nonce"):
        for title, value in (("of 1024 bytes", bstr(b"x" * 1024)),
                             ("of 513 bytes", bstr(b"x" * 513)),
                             ("empty", bstr(b"")), ("null", NULL),
                             ("absent", None)):
            passes("A7", field + " " + title, with_fields(**{field: value}))
        refuses("field", "A7", field + " of 1025 bytes", with_fields(
            **{field: bstr(b"x" * 1025)}), field + " has 1025 bytes")
        for title, value, message in (
                ("as text", tstr("x"), "text string"),
                ("as number", uint(1), "unsigned integer"),
                ("undefined", b"\xf7", "simple value"),
                ("false", b"\xf4", "simple value"),
                ("an array", array([]), "an array")):
            refuses("field", "A8", field + " " + title, with_fields(
                **{field: value}), field)
        refuses("cbor", "B10", field + " in chunks", with_fields(
            **{field: b"\x5f\x41x\xff"}), "chunks")
    passes("A8", "no optional field at all", with_fields(
        public_key=None, user_data=None, nonce=None))


def pcr_cases():
    """Section 3; pitfalls A5, A9, B12."""
    def pcrs(value):
        return with_fields(pcrs=value)

    passes("3", "32 PCRs", pcrs(cbor_map(pcr_pairs(range(32)))))
    passes("A9", "sparse PCRs", pcrs(cbor_map(
        pcr_pairs((0, 1, 2, 8, 31)))))
    passes("A9", "PCRs in falling order", pcrs(cbor_map(
        pcr_pairs(range(31, -1, -1)))))
    passes("A9", "one PCR", pcrs(cbor_map(pcr_pairs((31,)))))
    passes("A3", "debug document: authentic", pcrs(cbor_map(
        pcr_pairs(range(16), zero=[i for i in range(16) if i != 4]))))
    refuses("field", "3", "no PCR", pcrs(cbor_map([])), "pcrs is empty")
    refuses("field", "3", "no PCR in an indefinite map", pcrs(b"\xbf\xff"),
            "pcrs is empty")
    for index in (32, 256, 288, 1 << 32, (1 << 64) - 1):
        refuses("field", "B12", "PCR index %d" % index, pcrs(cbor_map(
            pcr_pairs((0, index), zero=(index,)))), "the last is 31")
    refuses("field", "3", "33 PCRs", pcrs(cbor_map(
        pcr_pairs(range(33)))), "the last is 31")
    refuses("cbor", "B4", "PCR0 twice", pcrs(cbor_map(
        pcr_pairs((0, 1, 0)))), "index 0 twice")
    refuses("cbor", "B4", "PCR31 twice in an indefinite map", pcrs(cbor_map(
        pcr_pairs((31, 31)), True)), "index 31 twice")
    refuses("cbor", "B6", "PCR index not shortest", pcrs(cbor_map(
        [(uint(0, 1), bstr(bytes(48)))])), "shortest")
    for title, index in (("negative", negative(-1)), ("text", tstr("0")),
                         ("bytes", bstr(b"\0")), ("float", b"\xf9\0\0"),
                         ("null", NULL)):
        refuses("field", "B12", "PCR index " + title, pcrs(cbor_map(
            [(index, bstr(bytes(48)))])), "for an index")
    for size in (0, 32, 47, 49, 64):
        refuses("field", "3", "PCR of %d bytes" % size, pcrs(cbor_map(
            [(uint(0), bstr(b"x" * size))])), "PCR0 has %d bytes" % size)
    for title, value in (("null", NULL), ("text", tstr("0" * 48)),
                         ("array", array([]))):
        refuses("field", "A5", "PCR is " + title, pcrs(cbor_map(
            [(uint(0), value)])), "a PCR is")
    refuses("cbor", "B10", "PCR in chunks", pcrs(cbor_map(
        [(uint(0), b"\x5f" + bstr(bytes(48)) + b"\xff")])), "chunks")
    refuses("field", "B12", "pcrs as array", pcrs(array([bstr(bytes(48))])),
            "not a map")
    refuses("field", "3", "PCR index without a value", pcrs(
        b"\xbf\x00\xff"), "a PCR is a break")


def padded(size):
    """Exactly this long, by an extension that nobody knows."""
    def edit(certificate):
        plain = list(certificate.extensions)
        for attempt in range(8 * 700):
            certificate.extensions = plain + [
                extension("1.3.6.1.4.1.55555.1", bytes(attempt // 8))]
            der = certificate.build()  # signatures vary in length
            if len(der) == size:
                certificate.build = lambda: der
                return
        raise AssertionError("no padding fits")
    return edit


def long_chain(issuers):
    """A bundle of this many certificates, the root included."""
    levels = nitro.chain()
    middle = []
    for number in range(issuers - 1):
        certificate = Certificate(
            nitro.amazon("ca%d.aws.nitro-enclaves" % number),
            nitro.key(40 + number), (NOW_MS - DAY_MS, NOW_MS + DAY_MS),
            [basic_constraints(True), key_usage(*CA_USAGES)])
        middle.append(certificate)
    return with_levels([levels[ROOT]] + middle + [levels[LEAF]])


def der_cases():
    """Section 2 and pitfalls C7, C5: exactly one certificate, in DER."""
    places = (("leaf", LEAF), ("instance CA", INSTANCE_CA),
              ("regional CA", REGIONAL), ("root", ROOT))

    def replaced(level, der):
        document = base()
        if level == LEAF:
            document.certificate = der
        else:
            document.bundle[level] = der
        return document

    for title, level in places:
        der = BASE[level]
        inner = der[4:]
        for what, changed, message in (
                ("byte after it", der + b"\0", "has bytes after"),
                ("another after it", der + BASE[ROOT][:200],
                 "has bytes after"),
                ("last byte missing", der[:-1], "no DER certificate"),
                ("one byte", b"\x30", "no DER certificate"),
                ("not DER at all", b"certificate", "no DER certificate"),
                ("PEM", nitro.pem(der)[:1024], "no DER certificate"),
                ("indefinite length", b"\x30\x80" + inner + b"\0\0",
                 "not encoded in DER"),
                ("length not shortest",
                 b"\x30\x83\x00" + der[2:4] + inner,
                 "not encoded in DER")):
            refuses("certificate", "C7", "%s: %s" % (title, what),
                    replaced(level, changed), message)
    for title, tag, text in (("half a character", 0x1e, b"abc"),
                             ("broken UTF-8", 0x0c, b"\xff\xfe"),
                             ("a character beyond Unicode", 0x1c,
                              b"\xff\xff\xff\xff")):
        subject = seq(tlv(0x31, seq(oid("2.5.4.3"), tlv(tag, text))))
        refuses("certificate", "4", "leaf's name with " + title,
                with_leaf(put("subject", subject)), "no DER certificate")
    for title, subject in (("an escape sequence", nitro.amazon("\x1b[2J")),
                           ("a NUL", nitro.amazon("a\0b")),
                           ("letters of Unicode", nitro.amazon("\u00e9")),
                           ("no part", seq()),
                           ("commas and backslashes", nitro.amazon(
                               "a,b\\c=d+e"))):
        passes("4", "leaf's name with " + title,
               with_leaf(put("subject", subject)))
    for title, times in (
            ("with an offset", tlv(0x17, b"260115110000+0000")),
            ("without seconds", tlv(0x17, b"2601151100Z")),
            ("with a fraction", tlv(0x18, b"20260115110000.5Z")),
            ("30 February", tlv(0x17, b"260230110000Z")),
            ("29 February 2026", tlv(0x17, b"260229110000Z")),
            ("month 13", tlv(0x17, b"261315110000Z")),
            ("month 0", tlv(0x17, b"260015110000Z")),
            ("hour 24", tlv(0x17, b"260115240000Z")),
            ("second 60", tlv(0x17, b"260115110060Z")),
            ("a letter", tlv(0x17, b"2601151100a0Z")),
            ("no Z", tlv(0x17, b"260115110000")),
            ("four digits in UTCTime", tlv(0x17, b"20260115110000Z")),
            ("two digits in GeneralizedTime", tlv(0x18, b"260115110000Z"))):
        for part in ("not_before", "not_after"):
            # OpenSSL 3.5 itself refuses what has too few characters.
            too_short = len(times) < (15 if times[0] == 0x17 else 17)
            refuses("certificate", "C5", "%s %s" % (part, title),
                    with_leaf(put(part, times)), "as RFC 5280 asks",
                    newer_message="is no DER certificate"
                    if too_short else "as RFC 5280 asks")


def ca_profile_cases():
    """Section 4 and pitfalls A23, C1, C4, C6, C10, for issuers."""
    def constraints(level, value):
        def edit(certificate):
            certificate.extensions[0] = value
        return with_ca(level, edit)

    def usage(level, value):
        def edit(certificate):
            certificate.extensions[-1:] = value
        return with_ca(level, edit)

    for title, level in (("regional", REGIONAL), ("zonal", ZONAL),
                         ("instance", INSTANCE_CA)):
        refuses("chain", "A23", title + " issuer is no CA", constraints(
            level, basic_constraints(False)), "is no CA")
        refuses("chain", "A23", title + " issuer without basicConstraints",
                constraints(level, b""), "is no CA")
        refuses("chain", "A23", title + " issuer's keyUsage without "
                "keyCertSign", usage(level, [key_usage(
                    "digitalSignature", "cRLSign")]), "no keyCertSign")
        refuses("chain", "A23", title + " issuer without keyUsage",
                usage(level, []), "no keyUsage")
        passes("C6", title + " issuer's keyUsage not critical", usage(
            level, [key_usage("keyCertSign", critical=False)]))
        refuses("chain", "A23", title + " basicConstraints not critical",
                constraints(level, basic_constraints(True, critical=False)),
                "not critical")
        passes("4", title + " issuer without pathLen", constraints(
            level, basic_constraints(True)))
    passes("4", "pathLen at the limit", constraints(
        REGIONAL, basic_constraints(True, 2)))
    refuses("chain", "A23", "regional pathLen one short", constraints(
        REGIONAL, basic_constraints(True, 1)), "pathLenConstraint of 1, but 2")
    refuses("chain", "A23", "zonal pathLen one short", constraints(
        ZONAL, basic_constraints(True, 0)), "pathLenConstraint of 0, but 1")
    passes("4", "pathLen of 2^31", constraints(
        REGIONAL, basic_constraints(True, 1 << 31)))
    refuses("chain", "A23", "pathLen of 2^70", constraints(
        REGIONAL, basic_constraints(True, 1 << 70)), "can't be read")
    refuses("chain", "A23", "pathLen negative", constraints(
        REGIONAL, basic_constraints(True, -1)), "can't be read")
    extension_cases("issuer", lambda edit: with_ca(ZONAL, edit))
    key_cases("issuer", lambda edit: with_ca(INSTANCE_CA, edit))
    algorithm_cases("issuer", lambda edit: with_ca(ZONAL, edit))


def leaf_profile_cases():
    def constraints(value):
        def edit(certificate):
            certificate.extensions[0] = value
        return with_leaf(edit)

    def usage(*value):
        def edit(certificate):
            certificate.extensions[1:] = value
        return with_leaf(edit)

    refuses("chain", "A23", "leaf is a CA", constraints(
        basic_constraints(True)), "is a CA")
    refuses("chain", "A23", "leaf with pathLen", constraints(
        basic_constraints(False, 0)), "has a pathLenConstraint")
    refuses("chain", "A23", "leaf with a pathLen of 2^70", constraints(
        basic_constraints(False, 1 << 70)), "has a pathLenConstraint")
    passes("4", "leaf without basicConstraints", constraints(b""))
    passes("C6", "leaf's keyUsage critical", usage(
        key_usage("digitalSignature")))
    refuses("chain", "C6", "leaf without keyUsage", usage(), "no keyUsage")
    refuses("chain", "C6", "leaf without digitalSignature", usage(
        key_usage("nonRepudiation")), "no digitalSignature")
    refuses("chain", "A23", "leaf with keyCertSign", usage(
        key_usage("digitalSignature", "keyCertSign")), "has keyCertSign")
    refuses("chain", "A23", "leaf signs as its issuer's key too", usage(
        key_usage(*CA_USAGES)), "has keyCertSign")
    passes("C1", "leaf with a matching authority key id", usage(
        key_usage("digitalSignature"), authority_key_id(KEY_IDS[3])))
    refuses("chain", "C4", "leaf names another key as its issuer's", usage(
        key_usage("digitalSignature"), authority_key_id(b"x" * 20)),
        "names another key")
    refuses("chain", "C4", "leaf names its issuer by serial number", usage(
        key_usage("digitalSignature"), extension("2.5.29.35", seq(
            tlv(0xa1, tlv(0xa4, nitro.amazon("x"))), tlv(0x82, b"\1")))),
        "by serial number")
    extension_cases("leaf", with_leaf)
    key_cases("leaf", with_leaf)
    algorithm_cases("leaf", with_leaf)


def places_to_fetch():
    """CRLs, delta CRLs, OCSP and the issuer: none of it is fetched."""
    address = tlv(0x86, b"http://127.0.0.1:9/fetched")
    points = seq(seq(tlv(0xa0, tlv(0xa0, address))))
    return (extension("2.5.29.31", points), extension("2.5.29.46", points),
            extension("1.3.6.1.5.5.7.1.1", seq(*(
                seq(oid("1.3.6.1.5.5.7.48.%d" % method), address)
                for method in (1, 2)))))


def extension_cases(title, changed):
    """RFC 5280 4.2; pitfall C10."""
    def more(*extensions):
        def edit(certificate):
            certificate.extensions = certificate.extensions + list(extensions)
        return changed(edit)

    def instead(index, value):
        def edit(certificate):
            certificate.extensions[index] = value
        return changed(edit)

    unknown = "1.3.6.1.4.1.55555.1"
    passes("C10", title + ": unknown extension", more(
        extension(unknown, DER_VALUE)))
    refuses("chain", "C10", title + ": unknown critical extension", more(
        extension(unknown, DER_VALUE, True)), "not known here")
    for what, dotted, value in (
            ("policy constraints", "2.5.29.36", seq(tlv(0x80, b"\0"))),
            ("certificate policies", "2.5.29.32", seq(seq(oid(
                "2.5.29.32.0")))),
            ("subject alternative name", "2.5.29.17", seq(tlv(
                0x82, b"localhost")))):
        refuses("chain", "C10", "%s: critical %s" % (title, what), more(
            extension(dotted, value, True)), "not known here")
        passes("C10", "%s: %s" % (title, what), more(
            extension(dotted, value)))
    for critical in (True, False):
        what = "critical " if critical else ""
        refuses("chain", "C10", "%s: %sextended key usage" % (title, what),
                more(extension("2.5.29.37", seq(oid("1.3.6.1.5.5.7.3.1")),
                               critical)), "extended key usage")
        refuses("chain", "C10", "%s: %sname constraints" % (title, what),
                more(extension("2.5.29.30", seq(tlv(0xa0, seq(tlv(
                    0x82, b"x")))), critical)), "name constraints")
    passes("A26", title + ": places to fetch from", more(*places_to_fetch()))
    refuses("chain", "C10", title + ": unknown extension twice", more(
        extension(unknown, DER_VALUE), extension(unknown, DER_VALUE)),
        "extension twice")
    refuses("chain", "C10", title + ": basicConstraints twice", more(
        basic_constraints(title == "issuer")), "extension twice")
    refuses("chain", "C10", title + ": keyUsage twice", more(
        key_usage("digitalSignature", "keyCertSign")), "extension twice")
    refuses("chain", "C10", title + ": 17 extensions", more(*(
        extension(unknown + ".%d" % i, b"") for i in range(
            17 - (4 if title == "issuer" else 2)))), "17 extensions")
    passes("C10", title + ": 16 extensions", more(*(
        extension(unknown + ".%d" % i, b"") for i in range(
            16 - (4 if title == "issuer" else 2)))))
    refuses("chain", "A23", title + ": basicConstraints that can't be read",
            instead(0, extension("2.5.29.19", b"\x30\x05\x01", True)),
            "can't be read")
    refuses("chain", "A23", title + ": keyUsage that can't be read",
            instead(-1, extension("2.5.29.15", b"\x03", True)),
            "can't be read")
    for number in (0, 1):
        def edit(certificate, version=number):
            certificate.version = version
        refuses("chain", "4", "%s: version %d" % (title, number + 1),
                changed(edit), "version %d" % (number + 1))


DER_VALUE = b"\x05\x00"

EXPLICIT_P384 = seq(
    nitro.der_int(1),
    seq(oid("1.2.840.10045.1.1"), nitro.der_int(
        (1 << 384) - (1 << 128) - (1 << 96) + (1 << 32) - 1)),
    seq(nitro.octets(bytes.fromhex(
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe"
        "ffffffff0000000000000000fffffffc")), nitro.octets(bytes.fromhex(
            "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875a"
            "c656398d8a2ed19d2a85c8edd3ec2aef"))),
    nitro.octets(b"\x04" + bytes.fromhex(
        "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a38"
        "5502f25dbf55296c3a545e3872760ab73617de4a96262c6f5d9e98bf9292dc29"
        "f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f")),
    nitro.der_int(P384_ORDER))


def key_cases(title, changed):
    """Pitfalls A16, C2: P-384 by name, and a real point of it."""
    private = nitro.key(3 if title == "issuer" else 4)
    uncompressed = point(private)
    compressed = bytes([2 + (uncompressed[-1] & 1)]) + uncompressed[1:49]
    off_curve = uncompressed[:-1] + bytes([uncompressed[-1] ^ 1])
    rsa_spki = RSA.public_key().public_bytes(
        serialization.Encoding.DER,
        serialization.PublicFormat.SubjectPublicKeyInfo)
    ed_spki = ed25519.Ed25519PrivateKey.from_private_bytes(
        bytes(32)).public_key().public_bytes(
            serialization.Encoding.DER,
            serialization.PublicFormat.SubjectPublicKeyInfo)
    named = "named curve P-384"
    for what, spki, message in (
            ("P-256", nitro.spki(nitro.key(5, ec.SECP256R1())), named),
            ("P-521", nitro.spki(nitro.key(5, ec.SECP521R1())), named),
            ("secp256k1", nitro.spki(nitro.key(5, ec.SECP256K1())), named),
            ("brainpoolP384r1", nitro.spki(
                nitro.key(5, ec.BrainpoolP384R1())), named),
            ("P-384 with explicit parameters", p384_spki(
                uncompressed, EXPLICIT_P384), named),
            ("P-384 with explicit parameters and another generator",
             p384_spki(uncompressed, EXPLICIT_P384.replace(
                 b"\x04\xaa\x87\xca", uncompressed[:1] + b"\xaa\x87\xcb")),
             named),
            ("no parameters", p384_spki(uncompressed, b""), named),
            ("null parameters", p384_spki(uncompressed, nitro.DER_NULL),
             named),
            ("unknown curve", p384_spki(uncompressed, oid("1.3.132.0.99")),
             named),
            ("RSA", rsa_spki, "not elliptic-curve"),
            ("Ed25519", ed_spki, "not elliptic-curve"),
            ("id-ecDH", p384_spki(uncompressed, algorithm=oid(
                "1.3.132.1.12")), "not elliptic-curve"),
            ("compressed point", p384_spki(compressed), "uncompressed"),
            ("hybrid point", p384_spki(bytes([6 + (uncompressed[-1] & 1)])
                                       + uncompressed[1:]), "uncompressed"),
            ("point at infinity", p384_spki(b"\0"), "uncompressed"),
            ("point cut short", p384_spki(uncompressed[:-1]),
             "uncompressed"),
            ("point off the curve", p384_spki(off_curve), "no point"),
            ("point with coordinates beyond the field", p384_spki(
                b"\x04" + b"\xff" * 96), "no point")):
        refuses("chain", "C2", "%s key: %s" % (title, what), changed(
            put("spki", spki)), message)


RSA = rsa.generate_private_key(65537, 1024)


def algorithm_cases(title, changed):
    """Pitfall A23: ecdsa-with-SHA384 inside and outside."""
    def algorithms(inner, outer, digest=None):
        def edit(certificate):
            certificate.inner_algorithm = inner
            certificate.outer_algorithm = outer
            certificate.digest = digest
        return changed(edit)

    message = "not signed with ecdsa-with-SHA384"
    good = nitro.ECDSA_SHA384
    for what, dotted, digest in (
            ("SHA-1", "1.2.840.10045.4.1", hashes.SHA1()),
            ("SHA-256", "1.2.840.10045.4.3.2", hashes.SHA256()),
            ("SHA-512", "1.2.840.10045.4.3.4", hashes.SHA512()),
            ("SHA3-384", "2.16.840.1.101.3.4.3.11", hashes.SHA3_384()),
            ("an unknown algorithm", "1.3.6.1.4.1.55555.9", None)):
        other = seq(oid(dotted))
        refuses("chain", "A23", "%s signed with %s" % (title, what),
                algorithms(other, other, digest), message)
        refuses("chain", "A23", "%s names %s inside only" % (title, what),
                algorithms(other, good), message)
        refuses("chain", "A23", "%s names %s outside only" % (title, what),
                algorithms(good, other), message)
    null = seq(oid("1.2.840.10045.4.3.3"), nitro.DER_NULL)
    refuses("chain", "A23", title + ": algorithm with parameters",
            algorithms(null, null), message)

    def flip(der):
        return der[:-1] + bytes([der[-1] ^ 1])
    refuses("chain", "4", title + ": signature changed", changed(
        put("damage", flip)), "signature failure")
    refuses("chain", "4", title + ": signed by another key", changed(
        put("signer", nitro.key(88))), "signature failure")


def path_cases():
    """Section 7 and pitfalls A22, C3, C4: the order, the anchor, the path."""
    def bundle(*certificates):
        return having(bundle=list(certificates))

    other = nitro.chain(60)
    other_ders = [certificate.build() for certificate in other]
    foreign = Document(other)
    foreign.bundle = other_ders[:-1]
    foreign.certificate = other_ders[LEAF]
    refuses("root", "A22", "whole chain of another root", foreign,
            "not an accepted root")
    refuses("root", "A22", "another root with the same name", bundle(
        other_ders[ROOT], *BASE[1:-1]), "not an accepted root")
    again = nitro.chain()[ROOT].build()
    refuses("root", "A22", "same root key, signed once more", bundle(
        again, *BASE[1:-1]), "not an accepted root")
    with open(os.path.join(FOLDER, "aws-roots.json"), encoding="ascii") as f:
        for title, der in json.load(f).items():
            refuses("root", "C3", "genuine root of %s that is not accepted"
                    % title, bundle(bytes.fromhex(der), *BASE[1:-1]),
                    "not an accepted root")
    refuses("root", "A22", "root left out", bundle(*BASE[1:-1]),
            "not an accepted root")
    refuses("root", "A22", "root last", bundle(
        *BASE[1:-1], BASE[ROOT]), "not an accepted root")
    refuses("root", "A22", "bundle reversed", bundle(
        *reversed(BASE[:-1])), "not an accepted root")
    refuses("root", "A22", "leaf for a root", bundle(BASE[LEAF]),
            "not an accepted root")
    order = "not issued by the certificate before it"
    refuses("chain", "C4", "root twice", bundle(
        BASE[ROOT], *BASE[:-1]), "its issuer's name for its own")
    refuses("chain", "C4", "root alone over a leaf of the instance CA",
            bundle(BASE[ROOT]), order)
    refuses("chain", "C4", "zonal CA left out", bundle(
        BASE[ROOT], BASE[REGIONAL], BASE[INSTANCE_CA]), order)
    refuses("chain", "C4", "instance CA left out", bundle(
        *BASE[:INSTANCE_CA]), order)
    # Issuers without pathLen, so that nothing but the order is wrong.
    free = [certificate.build() for certificate in unlimited(nitro.chain())]
    refuses("chain", "C4", "two CAs swapped", bundle(
        BASE[ROOT], free[ZONAL], free[REGIONAL], free[INSTANCE_CA]), order)
    refuses("chain", "C4", "instance CA twice", bundle(
        BASE[ROOT], *free[1:-1], free[INSTANCE_CA]), order)
    refuses("chain", "C4", "certificate of another chain inside", bundle(
        BASE[ROOT], BASE[REGIONAL], other_ders[ZONAL], BASE[INSTANCE_CA]),
        "signature failure")
    refuses("chain", "C4", "stranger at the end", bundle(
        BASE[ROOT], *free[1:-1], other_ders[REGIONAL]), order)
    refuses("chain", "A22", "foreign root at the end of the bundle", bundle(
        BASE[ROOT], *free[1:-1], other_ders[ROOT]), order)
    refuses("chain", "A22", "foreign leaf under our bundle", having(
        certificate=other_ders[LEAF], signer=other[LEAF].private),
        "signature failure")
    levels = unlimited(nitro.chain())
    refuses("chain", "A22", "leaf in the bundle too", with_levels(
        levels + [nitro.chain()[LEAF]]), "is no CA")
    passes("4", "leaf straight under the root", with_levels(
        [nitro.chain()[ROOT], nitro.chain()[LEAF]]))
    levels = nitro.chain()
    levels[LEAF].subject = levels[INSTANCE_CA].subject
    refuses("chain", "C4", "leaf with its issuer's name",
            with_levels(levels), "its issuer's name for its own")
    levels = unlimited(nitro.chain())
    extra = nitro.chain()[LEAF]
    extra.subject = nitro.amazon("x")
    extra.private = nitro.key(90)
    refuses("chain", "A23", "leaf that issues a leaf", with_levels(
        levels + [extra]), "is no CA")
    refuses("chain", "A23", "self-signed leaf and no issuer", self_signed(),
            "not issued")
    refuses("chain", "C4", "loop: zonal CA issued by the instance CA",
            loop(), "not the path")
    refuses("chain", "C4", "cross-signed: two CAs of one name and key",
            cross_signed(), "not the path")
    for level in (REGIONAL, ZONAL, INSTANCE_CA):
        def broken(certificate):
            certificate.issuer = nitro.amazon("nobody")
        refuses("chain", "C4", "level %d names another issuer" % level,
                with_ca(level, broken), order)


def self_signed():
    document = base()
    leaf = nitro.chain()[LEAF]
    leaf.issuer = leaf.subject
    leaf.signer = leaf.private
    document.certificate = leaf.build()
    return document


def unlimited(levels):
    for certificate in levels[:-1]:
        certificate.extensions = [basic_constraints(True),
                                  key_usage(*CA_USAGES)]
    return levels


def loop():
    levels = unlimited(nitro.chain())
    again = unlimited(nitro.chain())
    return with_levels(levels[:-1] + [again[ZONAL], again[INSTANCE_CA],
                                      levels[LEAF]])


def cross_signed():
    levels = unlimited(nitro.chain())
    again = unlimited(nitro.chain())[REGIONAL]
    middle = Certificate(
        nitro.amazon("cross"), nitro.key(91), (NOW_MS - DAY_MS,
                                               NOW_MS + DAY_MS),
        [basic_constraints(True), key_usage(*CA_USAGES)])
    return with_levels([levels[ROOT], levels[REGIONAL], middle, again,
                        levels[LEAF]])


def time_cases():
    """Sections 4 and 7; pitfalls A19, A20, C5; each edge to the ms."""
    levels = nitro.chain()
    ends = {REGIONAL: NOW_MS - 10 * DAY_MS + 1731600000,
            ZONAL: NOW_MS + 3 * DAY_MS, INSTANCE_CA: NOW_MS + 12 * HOUR_MS,
            LEAF: NOW_MS - HOUR_MS + 10803000}
    starts = {REGIONAL: NOW_MS - 10 * DAY_MS, ZONAL: NOW_MS - 2 * DAY_MS,
              INSTANCE_CA: NOW_MS - 12 * HOUR_MS, LEAF: NOW_MS - HOUR_MS}
    assert len(levels) == 5

    def made_at(time_ms):
        return with_fields(timestamp=uint(time_ms))

    end, start = ends[LEAF], starts[LEAF]
    passes("C5", "last millisecond of the leaf", made_at(end - 1000),
           now_ms=end - 1)
    refuses("expired", "C5", "leaf at its notAfter", made_at(end - 1000),
            "0.000 s before the present", now_ms=end)
    refuses("expired", "C5", "leaf past its notAfter, whatever the skew",
            made_at(end - 1000), "0.001 s before", now_ms=end + 1,
            clock_skew_ms=300000)
    passes("C5", "leaf at its notBefore", made_at(start), now_ms=start,
           clock_skew_ms=0)
    refuses("early", "C5", "one millisecond before the leaf", made_at(start),
            "clock may be wrong", now_ms=start - 1, clock_skew_ms=0)
    passes("C5", "before the leaf by just the skew", made_at(start),
           now_ms=start - SKEW_MS)
    refuses("early", "C5", "one millisecond beyond the skew", made_at(start),
            "clock may be wrong", now_ms=start - SKEW_MS - 1)
    for level in (REGIONAL, ZONAL, INSTANCE_CA):
        def moved(certificate, early=False):
            certificate.not_after = nitro.utc_time(NOW_MS)
        place = "cabundle[%d]" % level
        refuses("expired", "C8", place + " at its notAfter",
                with_ca(level, moved), place)
        passes("C8", place + " one millisecond before its notAfter",
               with_ca(level, moved), now_ms=NOW_MS - 1)

        def started(certificate):
            certificate.not_before = nitro.utc_time(NOW_MS)
        refuses("early", "C8", place + " beyond the skew before notBefore",
                with_ca(level, started), place, now_ms=NOW_MS - SKEW_MS - 1)
        passes("C8", place + " within the skew before notBefore",
               with_ca(level, started), now_ms=NOW_MS - SKEW_MS)
    refuses("expired", "7", "everything expired for years",
            base(), "cabundle[1]", now_ms=NOW_MS + 3000 * DAY_MS)
    refuses("expired", "7", "the root expired too",
            base(), "cabundle[0]", now_ms=NOW_MS + 9000 * DAY_MS)
    refuses("early", "7", "before the root", base(), "cabundle[0]",
            now_ms=NOW_MS - 2500 * DAY_MS)
    refuses("early", "A19", "at the epoch", base(), "cabundle[0]", now_ms=0)
    made = NOW_MS - 10 * SECOND_MS
    for max_age in (1, 60000, 3600000):
        passes("A20", "one millisecond younger than %d" % max_age,
               made_at(made), now_ms=made + max_age - 1, max_age_ms=max_age)
        refuses("old", "A20", "max_age %d reached" % max_age, made_at(made),
                "greatest age", now_ms=made + max_age, max_age_ms=max_age)
        refuses("old", "A20", "max_age %d, whatever the skew" % max_age,
                made_at(made), "greatest age", now_ms=made + max_age,
                max_age_ms=max_age, clock_skew_ms=300000)
    for skew in (0, 5000, 300000):
        passes("D12", "made %d ms from now" % skew, made_at(NOW_MS + skew),
               clock_skew_ms=skew)
        refuses("future", "D12", "made %d + 1 ms from now" % skew,
                made_at(NOW_MS + skew + 1), "clock may be wrong",
                clock_skew_ms=skew)
    passes("C5", "GeneralizedTime beyond 2049", with_leaf(put(
        "not_after", nitro.generalized_time(NOW_MS + 20000 * DAY_MS))))
    passes("C5", "GeneralizedTime before 2050", with_leaf(put(
        "not_before", nitro.generalized_time(NOW_MS - DAY_MS))))
    passes("C5", "notAfter in the year 9999", with_leaf(put(
        "not_after", tlv(0x18, b"99991231235959Z"))))
    passes("C5", "UTCTime of 1950", with_leaf(put(
        "not_before", tlv(0x17, b"500101000000Z"))))
    passes("C5", "UTCTime of 2049", with_leaf(put(
        "not_after", tlv(0x17, b"491231235959Z"))))
    refuses("expired", "C5", "UTCTime of 1950 for an end", with_leaf(put(
        "not_after", tlv(0x17, b"500101000000Z"))), "1950-01-01")
    passes("C5", "29 February 2024", with_leaf(put(
        "not_before", tlv(0x17, b"240229000000Z"))))
    refuses("expired", "C5", "notAfter before notBefore", with_leaf(put(
        "not_after", nitro.utc_time(NOW_MS - DAY_MS))), "expired")
    refuses("early", "C5", "notBefore in 9999", with_leaf(put(
        "not_before", tlv(0x18, b"99991231235959Z"))), "valid only from")


def root_files():
    """PEM files offered as roots: name, bytes, status, message."""
    def root(edit=None):
        certificate = nitro.chain()[ROOT]
        if edit:
            edit(certificate)
        return nitro.pem(certificate.build())

    def own_key(private, algorithm, digest):
        def edit(certificate):
            certificate.private = certificate.signer = private
            certificate.inner_algorithm = algorithm
            certificate.outer_algorithm = algorithm
            certificate.digest = digest
        return edit

    def without(index):
        def edit(certificate):
            del certificate.extensions[index]
        return edit

    def expired(certificate):
        certificate.not_after = nitro.utc_time(NOW_MS - 1000 * DAY_MS)

    roots = [nitro.pem(nitro.chain(100 + 10 * i)[ROOT].build())
             for i in range(9)]
    sha256 = seq(oid("1.2.840.10045.4.3.2"))
    rsa_sha384 = seq(oid("1.2.840.113549.1.1.12"), nitro.DER_NULL)
    private_key = nitro.key(0).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption())
    good, bad = ("OK", ""), "ERR_CONFIG"
    return [
        ("one root", root(), *good),
        ("a root behind a comment", b"# Nitro\n" + root(), *good),
        ("two roots", root() + roots[0], *good),
        ("the same root nine times", BASE_PEM * 9, *good),
        ("eight roots", b"".join(roots[:8]), *good),
        ("nine roots", b"".join(roots), bad, "more than 8"),
        ("an expired root", root(expired), *good),
        ("an intermediate", nitro.pem(BASE[REGIONAL]), bad, "self-signed"),
        ("a root and an intermediate", root() + nitro.pem(BASE[REGIONAL]),
         bad, "self-signed"),
        ("a leaf", nitro.pem(BASE[LEAF]), bad, "is no CA"),
        ("signature changed", nitro.pem(BASE[ROOT][:-1] + bytes(
            [BASE[ROOT][-1] ^ 1])), bad, "self-signed"),
        ("another issuer's name", root(put(
            "issuer", nitro.amazon("nobody"))), bad, "self-signed"),
        ("no CA", root(without(0)), bad, "is no CA"),
        ("no keyUsage", root(without(-1)), bad, "no keyUsage"),
        ("P-256", root(own_key(nitro.key(5, ec.SECP256R1()), sha256,
                               hashes.SHA256())), bad, "ecdsa-with-SHA384"),
        ("P-521", root(own_key(nitro.key(5, ec.SECP521R1()),
                               nitro.ECDSA_SHA384, None)), bad, "P-384"),
        ("RSA", root(own_key(RSA, rsa_sha384, None)), bad,
         "ecdsa-with-SHA384"),
        ("a byte after it", nitro.pem(BASE[ROOT] + b"\0"), bad,
         "has bytes after"),
        ("a private key", private_key, bad, "PRIVATE KEY"),
        ("a root and a private key", root() + private_key, bad,
         "PRIVATE KEY"),
        ("DER", BASE[ROOT], bad, "no PEM certificate"),
        ("a file too large", b"\n" * 65537, bad, "more than 65536"),
        ("second root cut off", root() + roots[0][:300], bad, "can't be"),
    ]


# Rows of the pitfalls that no document can break alone: what holds them, and
# the tests (test_elsewhere.py looks for them) or the rows that show it.
POLICY = "unit/policy/test_policy.c"
POLICY_JSON = "unit/policy/test_policy_json.c"
ENCLAVE = "unit/enclave/test_enclave.c"
APPRAISAL = "unit/appraisal/test_appraisal.c"
BINDING = "unit/binding/test_binding.c"
DOCUMENTS = "catalogue/test_catalogue.c"
ELSEWHERE = {
    "A1": ("an absent register matches nothing",
           [(POLICY, "sets_match_whole_or_not_at_all")]),
    "A2": ("an empty policy is refused",
           [(POLICY_JSON, "bad_reference_values_are_refused"),
            (ENCLAVE, "bad_configurations_are_refused_with_the_place")]),
    "A4": ("a policy refuses debug documents", [
        (POLICY, "a_debug_enclave_is_refused_before_anything_is_compared")]),
    "A11": ("which registers a policy names is the caller's choice", []),
    "A12": ("which registers a policy names is the caller's choice", []),
    "A13": ("the key is part of the appraisal", [
        (APPRAISAL, "good_evidence_is_accepted_with_its_key_and_deadline"),
        (APPRAISAL, "accepted_evidence_that_names_no_key_is_refused")]),
    "A14": ("one entry point; each document here goes through it",
            [(DOCUMENTS, "nothing_remembered")]),
    "A15": ("outputs are untouched on refusal",
            [(DOCUMENTS, "nothing_remembered")]),
    "A16": ("keys of other curves", ["C2"]),
    "A17": ("field layouts and prefixes", [
        (BINDING, "every_composition_binds_its_own_object_and_no_other"),
        (BINDING, "every_mark_must_stand_in_its_place")]),
    "A21": ("only what was verified is remembered",
            [(DOCUMENTS, "one_memory_for_all")]),
    "A24": ("a matter for documentation", []),
    "A25": ("a matter for documentation", []),
    "B14": ("wrong types everywhere", ["B12", "A8"]),
    "C9": ("size caps before any parsing: 1025 bytes", ["2"]),
    "C11": ("optional, not enforced: AWS does not promise it", []),
}
# Rows that say what must be accepted: a document passes, none is refused.
ACCEPTED = {"A3", "A6", "A9", "A26", "B7", "C1"}


def table():
    """Each rule with its documents, one to a line; fails on a hole."""
    rows = ["%s%d" % (section, number)
            for section, count in (("A", 26), ("B", 14), ("C", 11))
            for number in range(1, count + 1)]
    rows = ["1", "2", "3", "4", "7"] + rows
    lines = []
    for row in rows:
        cases = [case for case in CASES if case["rule"] == row]
        if row in ELSEWHERE:
            assert not cases, row
            reason, shown_by = ELSEWHERE[row]
            assert all(by in rows and by not in ELSEWHERE for by in shown_by
                       if isinstance(by, str)), row
            lines.append("%s: %s (%s)\n" % (row, reason, ", ".join(
                by if isinstance(by, str) else "%s: %s" % by
                for by in shown_by) or "no test"))
            continue
        assert cases, row
        assert row in ACCEPTED or any(
            case["status"] != "OK" for case in cases), row
        lines += ["%s: %s %s (%s)\n" % (row, case["file"], case["title"],
                                        case["status"]) for case in cases]
    return "".join(lines)


FOLDER = os.path.dirname(os.path.abspath(__file__))


def main(output):
    os.makedirs(output, exist_ok=True)
    for group in (envelope_cases, signature_cases, payload_cases, field_cases,
                  der_cases, ca_profile_cases, leaf_profile_cases, path_cases,
                  time_cases):
        group()
    titles = [case["title"] for case in CASES]
    assert len(titles) == len(set(titles)), [
        title for title in titles if titles.count(title) > 1]
    with open(os.path.join(output, "root.pem"), "wb") as f:
        f.write(BASE_PEM)
    manifest = {"root": "root.pem", "good": "0000.cose", "cases": [],
                "roots": []}
    for number, (title, data, status, message) in enumerate(root_files()):
        file = "root-%02d.pem" % number
        with open(os.path.join(output, file), "wb") as f:
            f.write(data)
        manifest["roots"].append({"title": title, "file": file,
                                  "status": status, "message": message})
    for number, case in enumerate(CASES):
        case["file"] = "%04d.cose" % number
        with open(os.path.join(output, case["file"]), "wb") as f:
            f.write(case.pop("data"))
        manifest["cases"].append(case)
    with open(os.path.join(output, "rules.txt"), "w", encoding="utf-8") as f:
        f.write(table())
    with open(os.path.join(output, "manifest.json"), "w",
              encoding="utf-8") as f:
        json.dump(manifest, f, indent=1)


if __name__ == "__main__":
    if sys.argv[1:] in (["-h"], ["--help"]):
        print(__doc__)
    elif len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: catalogue.py OUTPUT")
    else:
        main(sys.argv[1])
