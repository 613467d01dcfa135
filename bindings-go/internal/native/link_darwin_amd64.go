//go:build cgo

package native

import _ "builderaikits.com/sdk/lib/darwin_amd64" // links the core
