/**
 * Certificates for tests, which nobody else trusts: of an authority, of a server at `localhost` and 127.0.0.1, of one whose time is over, of a client.
 *
 * Their keys are no secret. They were made by `openssl`, for each its key, a request and the certificate; `-selfsign` for the authority, `-enddate` with
 * 20240102000000Z for the one whose time is over:
 *
 * ```sh
 * openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out server.key
 * openssl req -new -key server.key -subj /CN=localhost -out server.csr
 * openssl ca -batch -config ca.cnf -notext -in server.csr -out server.pem -startdate 20240101000000Z -enddate 21240101000000Z \
 *   -extensions server -keyfile authority.key -cert authority.pem
 * ```
 *
 * The extensions are `basicConstraints=critical,CA:TRUE` and `keyUsage=critical,keyCertSign` for the authority, else `CA:FALSE` with
 * `subjectAltName=DNS:localhost,IP:127.0.0.1` and `extendedKeyUsage=serverAuth`, or `clientAuth`.
 *
 * @module
 */

/** A certificate with its key, PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** Whoever trusts this trusts the others. */
export const authority: string = `-----BEGIN CERTIFICATE-----
MIIBgDCCASagAwIBAgIUAgAy5AHSX0FvLxT7N1BVbzULCgwwCgYIKoZIzj0EAwIw
HTEbMBkGA1UEAwwSTm9ib2R5J3MgYXV0aG9yaXR5MCAXDTI0MDEwMTAwMDAwMFoY
DzIxMjQwMTAxMDAwMDAwWjAdMRswGQYDVQQDDBJOb2JvZHkncyBhdXRob3JpdHkw
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQhysXVE+ngRQHHxH086zbJCUaXzYOl
DNS/LmGAbwQcuk6/ghe9NjPVfbe3JyjpZjQIvnZllMKaiFG3W5le4jz6o0IwQDAP
BgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwICBDAdBgNVHQ4EFgQUIQVUJWnN
AWxMblzc28AR5WdK1PkwCgYIKoZIzj0EAwIDSAAwRQIgMkw4QjoA6vAH7mMr0RUP
H/iiKr80HorRUkMctcyzBp4CIQDvCUfqdPTjnLuJJqQe5K0FhrTczxfQxRrNW5UJ
YJlVVw==
-----END CERTIFICATE-----
`;

/** Of the server. */
export const server: Identity = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBtzCCAV2gAwIBAgIUGMHw8bY3l3DpdhCFYy7BfbtgugEwCgYIKoZIzj0EAwIw
HTEbMBkGA1UEAwwSTm9ib2R5J3MgYXV0aG9yaXR5MCAXDTI0MDEwMTAwMDAwMFoY
DzIxMjQwMTAxMDAwMDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjO
PQIBBggqhkjOPQMBBwNCAAQr7rto+5pdTv1hM6Ow0ttshJOzKt4lZV50ipyDAN29
IEEcCZztiJd4O5fG9TFDRsTEDdGjOad4W7OFDl6NZQoIo4GBMH8wDAYDVR0TAQH/
BAIwADAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwEwYDVR0lBAwwCgYIKwYB
BQUHAwEwHQYDVR0OBBYEFLV6kl70ugX/hx+jCQ1XvGXAWsbcMB8GA1UdIwQYMBaA
FCEFVCVpzQFsTG5c3NvAEeVnStT5MAoGCCqGSM49BAMCA0gAMEUCIF590I312EH4
0oNnoY+/4JITPUaPz2abKBfnjf48W70QAiEAnOGBHCaMWWmOcPOQb29zqWolG9uA
70eFF23SCS+++3I=
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgwAdoS70LJGy3DKpE
dGzE8QXfdkdeswaHM6gEOOtU0zehRANCAAQr7rto+5pdTv1hM6Ow0ttshJOzKt4l
ZV50ipyDAN29IEEcCZztiJd4O5fG9TFDRsTEDdGjOad4W7OFDl6NZQoI
-----END PRIVATE KEY-----
`,
};

/** Of a server, until the second day of 2024. */
export const expired: Identity = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBtDCCAVugAwIBAgIULc/KdO/+cT7aV0MbIsy/QX+4zegwCgYIKoZIzj0EAwIw
HTEbMBkGA1UEAwwSTm9ib2R5J3MgYXV0aG9yaXR5MB4XDTI0MDEwMTAwMDAwMFoX
DTI0MDEwMjAwMDAwMFowFDESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0C
AQYIKoZIzj0DAQcDQgAE8K4rTVGwQ1TfErPpn5OAsDQgxi+swD+QcSfc3dvsxT/p
vB+8PV9XVSE3JG+uP+K5f7hEfZR/lPVv/rYr821S0aOBgTB/MAwGA1UdEwEB/wQC
MAAwGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMBMGA1UdJQQMMAoGCCsGAQUF
BwMBMB0GA1UdDgQWBBTvHacdoBO1hMDX7wQEDUOsPEifjTAfBgNVHSMEGDAWgBQh
BVQlac0BbExuXNzbwBHlZ0rU+TAKBggqhkjOPQQDAgNHADBEAiBRtSOhLHHp/TnL
VnnxnrwLmzn4RGx4DYkSNh0eshVV0wIgYJF94lk92HHNzrDhunPLn8TzYPEMMwXv
H2fH4iaHm+8=
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpFlWOSyhwcYYjWZy
YTnNelnMuBia8RKW8JQBhFfEs/KhRANCAATwritNUbBDVN8Ss+mfk4CwNCDGL6zA
P5BxJ9zd2+zFP+m8H7w9X1dVITckb64/4rl/uER9lH+U9W/+tivzbVLR
-----END PRIVATE KEY-----
`,
};

/** Of a client. */
export const client: Identity = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBmDCCAT+gAwIBAgIUDK7TwEwgYVnffbqBRiTESxEN9U0wCgYIKoZIzj0EAwIw
HTEbMBkGA1UEAwwSTm9ib2R5J3MgYXV0aG9yaXR5MCAXDTI0MDEwMTAwMDAwMFoY
DzIxMjQwMTAxMDAwMDAwWjATMREwDwYDVQQDDAhzb21lYm9keTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABDBDZNu1fEToQiyHsPuGyUV1OYhYPwr+A7k2WWiKPZGv
dP7IDo70IH0NjZ01alhsqCbwLWRe7rRoggqfgOZLSUOjZTBjMAwGA1UdEwEB/wQC
MAAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0OBBYEFKjwAbcxmdDsleNDs/ce
t/I4Z7zLMB8GA1UdIwQYMBaAFCEFVCVpzQFsTG5c3NvAEeVnStT5MAoGCCqGSM49
BAMCA0cAMEQCIDX4f6iYupQfLAzmN3zHdkxUQsurApkB/l7aUl0YDtp0AiA+9nmC
9T6l5eYZSGi0jVipiaK6tAQ8YOxL2O4SVNv5pw==
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgtd0JsZhfVqyTuRqN
lfS/kqDzk82nLdovJMaTFVwCE5KhRANCAAQwQ2TbtXxE6EIsh7D7hslFdTmIWD8K
/gO5Nlloij2Rr3T+yA6O9CB9DY2dNWpYbKgm8C1kXu60aIIKn4DmS0lD
-----END PRIVATE KEY-----
`,
};
