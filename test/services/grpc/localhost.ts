/** A key and a certificate for localhost that signs itself: for tests, known to all the world. */
export const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQge3GkJYDcV8DD59+v
lxqBeoLJ3hkjPNhw6pcUeZLKpEihRANCAAS+S5ukGMlWDr8DgtSq+lFz4mIJIBT8
HpyQPB3K5PjS5DlHnip5NdmoV3I2Wm7UIQr71dM1dguy/SoIr5XMlrDK
-----END PRIVATE KEY-----
`

export const cert = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUc0/XqYjvzN4jSAf35PL1/dBnwOswCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjE1NDcwM1oYDzIxMjYxMDI5
MTU0NzAzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAS+S5ukGMlWDr8DgtSq+lFz4mIJIBT8HpyQPB3K5PjS5DlHnip5Ndmo
V3I2Wm7UIQr71dM1dguy/SoIr5XMlrDKo28wbTAdBgNVHQ4EFgQUqKoMuUW/r370
BmUeJlt/467RoEMwHwYDVR0jBBgwFoAUqKoMuUW/r370BmUeJlt/467RoEMwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIgWtUQOOKlTn5/Hbq5U9VBe7arndL7a+fKRGf2lFYNCyUCIQCU
Uvh0GtLg8RA/A4NkrroiPLyULI1b3lV53hVhwDmnIw==
-----END CERTIFICATE-----
`

/** For clients that know only the address. */
export const named = { 'grpc.ssl_target_name_override': 'localhost' }
