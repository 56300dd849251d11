/*
 * A certificate for localhost whose issuer has the name of the test suite's authority, but another key: names lead from it to
 * that authority, the signature does not. Made, without key identifiers, by
 *
 *     openssl req -x509 -new -key rogue.key -subj '/CN=strata-http test CA' -out rogue.crt
 *     openssl x509 -req -in localhost.csr -CA rogue.crt -CAkey rogue.key -out impostor.crt
 *
 * It is used where nothing is verified, so its dates do not matter.
 */
export const impostor = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBdjCCARygAwIBAgIUBi0/KTxtBqWoSqQu/8/Ztz28YPYwCgYIKoZIzj0EAwIw
HjEcMBoGA1UEAwwTc3RyYXRhLWh0dHAgdGVzdCBDQTAeFw0yNjExMjEwMjM0NDVa
Fw0zNjExMTgwMjM0NDVaMBQxEjAQBgNVBAMMCWxvY2FsaG9zdDBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABLh0fNNJC48w1Jv5oj5NqNLxzfCNqgVwWkifA+d5LpLt
0UXLyCudmzRRSMDmwk7yfhCksnNbh0hDskq2s0fFBOGjQjBAMBQGA1UdEQQNMAuC
CWxvY2FsaG9zdDAJBgNVHRMEAjAAMB0GA1UdDgQWBBQa4cZFtWRK8h/WSB5DnOZ/
joHFgjAKBggqhkjOPQQDAgNIADBFAiBGpmWFyWYTDG4Kw7Mw0I/7BCp6ok5nlNrv
9KbyzjdiVwIhAJK1mRaBZzNKJDY/CY5bNA6vuOK7cFU1Cgluo6PpCmjA
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYCMOm9qJ9Qwfk6CF
P7gGybABa5RB9sKd42yMTWCyTIGhRANCAAS4dHzTSQuPMNSb+aI+TajS8c3wjaoF
cFpInwPneS6S7dFFy8grnZs0UUjA5sJO8n4QpLJzW4dIQ7JKtrNHxQTh
-----END PRIVATE KEY-----
`,
} as const;
