package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/pki"
)

// kubeconfigFlags are the flags of `coracle kubeconfig`.
type kubeconfigFlags struct {
	dataDir string
	server  string
	out     string
	node    string
	hosts   []string
	user    string
	groups  []string
}

func kubeconfigCommand() *cobra.Command {
	var f kubeconfigFlags
	cmd := &cobra.Command{
		Use: "kubeconfig", GroupID: "tool",
		Short: "Make an identity for a node or a person",
		Long: `Make an identity, a kubeconfig file with a new certificate in it, good for a year.
It is for where the API server's data directory is, since it needs the keys.

    coracle kubeconfig --node node-4 --address 10.0.0.14 --out node-4.conf
    coracle kubeconfig --user alice --group developers --out alice.conf

What a user may do, RBAC says:

    kubectl create clusterrolebinding alice --clusterrole view --user alice`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	cmd.Flags().StringVar(&f.dataDir, "data-dir", defaultDataDir(), "the API server's data directory")
	cmd.Flags().StringVar(&f.server, "server", "", "URL of the API server (default the one that it told the other parts)")
	cmd.Flags().StringVar(&f.out, "out", "", "file to write, for its owner to read only (default standard output)")
	cmd.Flags().StringVar(&f.node, "node", "", "name of the node to make an identity for")
	cmd.Flags().StringSliceVar(&f.hosts, "address", nil, "the node's addresses and further names")
	cmd.Flags().StringVar(&f.user, "user", "", "name of the user to make an identity for")
	cmd.Flags().StringSliceVar(&f.groups, "group", nil, "groups of the user")
	cmd.MarkFlagsOneRequired("node", "user")
	cmd.MarkFlagsMutuallyExclusive("node", "user")
	cmd.MarkFlagsMutuallyExclusive("node", "group")
	cmd.MarkFlagsMutuallyExclusive("user", "address")
	cmd.MarkFlagsRequiredTogether("node", "address")
	return cmd
}

func (f *kubeconfigFlags) run(cmd *cobra.Command) error {
	authority, err := f.authority()
	if err != nil {
		return err
	}
	k := pki.Kubeconfig{Server: f.server, User: f.user, Groups: f.groups}
	if f.node != "" {
		k.User, k.Groups, k.Hosts = pki.NodeUser(f.node), []string{pki.GroupNodes}, append(f.hosts, f.node)
	}
	if k.Server == "" {
		_, k.Server, err = client.FromKubeconfigTransport(kubeconfigPath(f.dataDir, "admin"))
		if err != nil {
			return fmt.Errorf("where is the API server? say --server https://HOST:PORT: %w", err)
		}
	}
	if f.out != "" {
		return authority.WriteKubeconfig(f.out, k)
	}
	data, err := authority.Kubeconfig(k)
	if err != nil {
		return err
	}
	_, err = cmd.OutOrStdout().Write(data)
	return err
}

// authority opens the cluster's certificates. It makes none: those would be of
// another cluster.
func (f *kubeconfigFlags) authority() (*pki.PKI, error) {
	dir := filepath.Join(f.dataDir, "pki")
	if _, err := os.Stat(filepath.Join(dir, pki.CAName+".key")); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there are no certificates in %s: name the API server's directory with --data-dir, after its first start", dir)
	}
	return pki.Open(dir)
}
