#!/usr/bin/python3
"""Holds the verifier and the second implementation against each other.

    agree.py JUDGE CATALOGUE COUNT

On every document of the catalogue, on every real one (the folder that
ENCLAVE_CLIENT_VECTORS names), and on COUNT that are made at random: changed
bytes, changed payloads signed again, changed leaves issued again, moments
around the edges. Both must stop at the same step, or accept and read the same
claims. A disagreement prints the document. Results are TAP.
"""

import json
import os
import random
import subprocess
import sys

import nitro
import second
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

BATCH = 500


def root_of(path):
    with open(path, "rb") as f:
        return x509.load_pem_x509_certificate(f.read()).public_bytes(
            Encoding.DER)


def judge_all(judge, root, jobs):
    lines = "".join("%s %d %d %d\n" % (data.hex(), *times)
                    for data, times in jobs)
    answer = subprocess.run([judge, root], input=lines, check=True,
                            capture_output=True, text=True).stdout
    return [line.split() for line in answer.splitlines()]


def opinion(document, root, times):
    try:
        return "none", second.verify(document, root, *times)
    except second.Refused as refused:
        return str(refused), "-"


def same(first, second_opinion):
    """Where a malformed certificate is noticed, while it is decoded or when a
    part of it is needed, is a matter of the X.509 library."""
    steps = {first[0], second_opinion[0]}
    return first == second_opinion or steps == {"certificate", "chain"}


def disagreements(judge, root_path, root, jobs):
    """Pairs of a document and what was said about it."""
    found = []
    answers = judge_all(judge, root_path, jobs)
    assert len(answers) == len(jobs)
    for (data, times), (status, step, claims) in zip(jobs, answers):
        mine = opinion(data, root, times)
        if status == "ENCLAVE_CLIENT_ERR_CERTIFICATE":
            step = "certificate"
        if not same((step, claims), mine):
            found.append("%s %s: first %s %s %.80s, second %s %.80s" % (
                data.hex(), times, status, step, claims, *mine))
    return found


class Maker:
    """Documents at random, most of them signed as they should be."""

    def __init__(self, catalogue, seed):
        self.random = random.Random(seed)
        self.levels = nitro.chain()
        self.bundle = [level.build() for level in self.levels[:-1]]
        # The catalogue's own root, so that what is made here is anchored.
        self.bundle[0] = root_of(os.path.join(catalogue, "root.pem"))
        self.leaf = self.levels[-1].build()

    def damage(self, data):
        """Between one and three small changes."""
        data = bytearray(data)
        for _ in range(self.random.randint(1, 3)):
            at = self.random.randrange(len(data))
            kind = self.random.randrange(5)
            if kind == 0:
                data[at] ^= 1 << self.random.randrange(8)
            elif kind == 1:
                data[at] = self.random.randrange(256)
            elif kind == 2:
                del data[at:at + self.random.randint(1, 4)]
            elif kind == 3:
                data[at:at] = bytes([self.random.randrange(256)])
            else:
                other = self.random.randrange(len(data))
                data[at:at + 4] = data[other:other + 4]
        return bytes(data) or b"\0"

    def base(self):
        document = nitro.Document(self.levels)
        document.bundle = list(self.bundle)
        document.certificate = self.leaf
        document.indefinite = self.random.random() < 0.5
        return document

    def changed_bytes(self):
        return self.damage(self.base().build())

    def changed_payload(self):
        """Where the fields' own bytes are, not only the certificates'."""
        document = self.base()
        payload = document.build_payload()
        small = len(payload) - sum(map(len, self.bundle)) - len(self.leaf)
        cut = payload.index(nitro.tstr("certificate"))
        if self.random.random() < 0.7 and small > 0:
            payload = self.damage(payload[:cut]) + payload[cut:]
        else:
            payload = self.damage(payload)
        document.payload = payload
        return document.build()

    def random_fields(self):
        document = self.base()
        fields = document.fields
        values = [nitro.NULL, nitro.bstr(b""), nitro.bstr(b"x" * 1024),
                  nitro.bstr(b"x" * 1025), nitro.tstr("x"), nitro.uint(7),
                  nitro.tstr("SHA384"), nitro.array([]),
                  nitro.cbor_map([]), nitro.cbor_map(nitro.pcr_pairs(
                      self.random.sample(range(34), 5)),
                      self.random.random() < 0.5),
                  nitro.negative(-3), b"\xf5", b"\xf9\x3c\x00",
                  nitro.uint(self.random.choice([0, 1, second.LAST_MS,
                                                 second.LAST_MS + 1]))]
        for _ in range(self.random.randint(1, 2)):
            name = self.random.choice(list(fields))
            if self.random.random() < 0.2:
                del fields[name]
            else:
                fields[name] = self.random.choice(values)
            if not fields:
                break
        return document.build()

    def changed_certificate(self):
        """A leaf or CA with changed extensions or parts, issued again."""
        level = self.random.choice((3, 4, 4, 4))
        levels = nitro.chain()
        certificate = levels[level]
        part = self.random.randrange(6)
        choice = self.random.choice
        if part == 0:
            certificate.extensions[choice((0, -1))] = choice([
                b"", nitro.basic_constraints(True),
                nitro.basic_constraints(True, 0),
                nitro.basic_constraints(False),
                nitro.basic_constraints(True, critical=False),
                nitro.key_usage("digitalSignature"),
                nitro.key_usage("keyCertSign"),
                nitro.key_usage("digitalSignature", "keyCertSign")])
        elif part == 1:
            certificate.extensions.append(nitro.extension(
                choice(("2.5.29.37", "2.5.29.17", "2.5.29.31",
                        "1.3.6.1.4.1.55555.3")),
                nitro.seq(nitro.oid("1.3.6.1.5.5.7.3.1")),
                choice((True, False, False))))
        elif part == 2:
            certificate.spki = self.damage_tail(nitro.spki(
                certificate.private))
        elif part == 3:
            certificate.version = choice((0, 1, 2, 2))
        elif part == 4:
            certificate.not_after = nitro.utc_time(
                nitro.NOW_MS + choice((-1000, 0, 1000, 86400000)))
        else:
            at = self.random.randrange(1, 90)
            certificate.damage = lambda der: (
                der[:-at] + bytes([der[-at] ^ 1 << choice(range(8))])
                + der[len(der) - at + 1:])
        document = nitro.Document(levels)
        document.bundle = self.bundle[:level] + [
            item.build() for item in levels[level:-1]]
        return document.build()

    def damage_tail(self, data):
        at = self.random.randrange(len(data) - 97, len(data))
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]

    def times(self):
        now_ms = nitro.NOW_MS
        if self.random.random() < 0.2:
            edge = self.random.choice((
                nitro.NOW_MS - 10000, nitro.NOW_MS - 10000 + 3600000,
                nitro.NOW_MS - nitro.HOUR_MS,
                nitro.NOW_MS - nitro.HOUR_MS + 10803000))
            now_ms = edge + self.random.choice((-5001, -5000, -1, 0, 1))
        return now_ms, 3600000, self.random.choice((0, 5000))

    def one(self):
        kind = self.random.randrange(8)
        if kind == 0:
            return self.changed_bytes(), self.times()
        if kind == 1:
            return self.base().build(), self.times()
        if kind < 4:
            return self.changed_payload(), self.times()
        if kind < 6:
            return self.random_fields(), self.times()
        return self.changed_certificate(), self.times()


def report(number, title, found):
    print("%s %d - %s" % ("not ok" if found else "ok", number, title))
    for text in found[:5]:
        print("# " + text)
    sys.stdout.flush()
    return not found


def catalogue_jobs(catalogue):
    with open(os.path.join(catalogue, "manifest.json"),
              encoding="utf-8") as f:
        manifest = json.load(f)
    for case in manifest["cases"]:
        with open(os.path.join(catalogue, case["file"]), "rb") as f:
            yield f.read(), (case["now_ms"], case["max_age_ms"],
                             case["clock_skew_ms"])


def real_jobs(folder):
    with open(os.path.join(folder, "index.json"), encoding="utf-8") as f:
        index = json.load(f)
    for document in index["documents"]:
        with open(os.path.join(folder, document["file"]), "rb") as f:
            data = f.read()
        made = document["timestamp_ms"] or nitro.NOW_MS
        for now_ms in (made, made + 3600000, made - 5001, made + 86400000):
            yield data, (now_ms, 3600000, 5000)


def main(judge, catalogue, count):
    root_path = os.path.abspath(os.path.join(catalogue, "root.pem"))
    root = root_of(root_path)
    vectors = os.environ.get("ENCLAVE_CLIENT_VECTORS")
    batches = (count + BATCH - 1) // BATCH
    print("1..%d" % (2 + batches))
    good = report(1, "both agree on the catalogue", disagreements(
        judge, root_path, root, list(catalogue_jobs(catalogue))))
    if vectors:
        aws = root_of(os.path.join(vectors, "aws-nitro-root-g1.pem"))
        good &= report(2, "both agree on real documents", disagreements(
            judge, "aws", aws, list(real_jobs(vectors))))
    else:
        print("ok 2 - real documents # SKIP ENCLAVE_CLIENT_VECTORS is not set")
    for batch in range(batches):
        maker = Maker(catalogue, batch)
        jobs = [maker.one() for _ in range(min(BATCH, count - batch * BATCH))]
        good &= report(3 + batch, "both agree on random documents, seed %d"
                       % batch, disagreements(judge, root_path, root, jobs))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
