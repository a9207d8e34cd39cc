//go:build !linux

package nftables

// forget has nothing to do where there is no nftables.
func forget(udpPorts) error { return nil }
