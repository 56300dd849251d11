#!/bin/sh
# Makes the certificates of the test suite, which are committed: run it only to change them.
# All keys are EC P-256. The dates are fixed and far apart, so no clock makes a test fail.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

always='-startdate 20000101000000Z -enddate 21000101000000Z'
past='-startdate 20000101000000Z -enddate 20010101000000Z'
here='DNS:localhost,IP:127.0.0.1,IP:::1,DNS:*.example.test'

cat >"$work/ca.conf" <<EOF
[ca]
default_ca = test
[test]
database = $work/index
new_certs_dir = $work
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
EOF
: >"$work/index"

# make NAME COMMON-NAME DATES EXTENSIONS SIGNER...
make() {
  name=$1 common_name=$2 dates=$3 extensions=$4
  shift 4
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$name.key"
  openssl req -new -key "$name.key" -subj "/CN=$common_name" -out "$work/$name.csr"
  printf '%s\n' "$extensions" >"$work/$name.ext"
  # shellcheck disable=SC2086 # the dates are several words
  openssl ca -batch -notext -config "$work/ca.conf" -in "$work/$name.csr" -out "$name.crt" \
    -extfile "$work/$name.ext" $dates "$@" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
}

serves() {
  printf '%s\n' "basicConstraints = CA:FALSE" "subjectKeyIdentifier = hash" \
    "keyUsage = digitalSignature" "extendedKeyUsage = serverAuth" "subjectAltName = $1"
}

authority='basicConstraints = critical, CA:TRUE
subjectKeyIdentifier = hash
keyUsage = critical, keyCertSign, cRLSign'
calls='basicConstraints = CA:FALSE
subjectKeyIdentifier = hash
keyUsage = digitalSignature
extendedKeyUsage = clientAuth'

make ca 'strata-http test CA' "$always" "$authority" -selfsign -keyfile ca.key
signed='-cert ca.crt -keyfile ca.key'
# shellcheck disable=SC2086 # the signer is several words
{
  make server localhost "$always" "$(serves "$here")" $signed
  make client client "$always" "$calls" $signed
  make expired localhost "$past" "$(serves "$here")" $signed
  make wrong-host wrong.test "$always" "$(serves DNS:wrong.test)" $signed
}
make self-signed localhost "$always" "$(serves "$here")" -selfsign -keyfile self-signed.key

openssl pkcs8 -topk8 -in client.key -passout pass:strata -out client.encrypted.key
openssl pkcs12 -export -in client.crt -inkey client.key -certfile ca.crt -passout pass:strata \
  -out client.pfx
