package main

import (
	"github.com/spf13/cobra"

	"github.com/coracle-k8s/coracle/cluster"
)

// encryptionFlags are the flags of encryption in the store, as kube-apiserver has
// them.
type encryptionFlags struct {
	file   string
	reload bool
}

func (f *encryptionFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "encryption-provider-config", "", "file that says which objects are encrypted in the store, and with which keys")
	cmd.Flags().BoolVar(&f.reload, "encryption-provider-config-automatic-reload", false, "look every minute whether that file has changed")
}

func (f *encryptionFlags) apply(cfg *cluster.Config) {
	cfg.EncryptionFile, cfg.ReloadEncryption = f.file, f.reload
}
