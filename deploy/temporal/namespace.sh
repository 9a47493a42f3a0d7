#!/bin/sh
# The namespace, 30 days of closed cases in it, and the search attributes. Safe to repeat.
set -eu

temporal operator namespace describe >/dev/null 2>&1 || temporal operator namespace create --retention 720h
temporal operator namespace update --retention 720h

known=$(temporal operator search-attribute list --output json)
for name in Tier Market Customer; do
  case "$known" in
    *"\"$name\""*) ;;
    *) temporal operator search-attribute create --name "$name" --type Keyword ;;
  esac
done
