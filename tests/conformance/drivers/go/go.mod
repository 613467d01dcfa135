module builderaikits.com/sdk/driver

go 1.24

require builderaikits.com/sdk v0.1.0
