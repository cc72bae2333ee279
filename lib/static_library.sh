#!/bin/sh
# The parts as one archive whose internal names nobody else can see.
#
# The names of lib/ (policy_match, cache_judge) carry no prefix, as the shared
# library hides them. An archive hides nothing: a program with a function of
# the same name would not link, or worse, would be called by the library. So
# the parts become one object, and what is hidden there becomes local.
#
# usage: static_library.sh LD OBJCOPY AR OUTPUT PART.a...
set -eu

ld=$1
objcopy=$2
ar=$3
output=$4
shift 4

object=${output%.a}.o
"$ld" -r -o "$object" --whole-archive "$@"
"$objcopy" --localize-hidden "$object"
rm -f "$output"
"$ar" rcsD "$output" "$object"
rm -f "$object"
