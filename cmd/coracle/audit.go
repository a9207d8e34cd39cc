package main

import (
	"errors"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/coracle-k8s/coracle/apiserver/audit"
)

// auditFlags are the flags of the audit log, as kube-apiserver has them.
type auditFlags struct {
	policy string
	file   audit.FileOptions
}

func (f *auditFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.policy, "audit-policy-file", "", "file of the policy that says what stands in the audit log; \"sensible\" is one to begin with")
	flags.StringVar(&f.file.Path, "audit-log-path", "", "file of the audit log, or - for the standard output")
	flags.IntVar(&f.file.MaxSize, "audit-log-maxsize", 100, "megabytes beyond which a new file is begun; 0 for never")
	flags.IntVar(&f.file.MaxBackups, "audit-log-maxbackup", 100, "how many old files are kept; 0 for all")
	flags.IntVar(&f.file.MaxAge, "audit-log-maxage", 366, "how many days old files are kept; 0 for ever")
}

// open returns who keeps record, or nil if nobody is to, and what to close when the
// API server has ended.
func (f *auditFlags) open(log *slog.Logger) (*audit.Auditor, io.Closer, error) {
	switch {
	case f.policy == "" && f.file.Path == "":
		return nil, io.NopCloser(nil), nil
	case f.policy == "":
		return nil, nil, errors.New("--audit-log-path without --audit-policy-file would log nothing: " +
			"name a policy file, or take --audit-policy-file sensible")
	case f.file.Path == "":
		return nil, nil, errors.New("--audit-policy-file without --audit-log-path: say where the log goes")
	}
	policy := audit.Sensible()
	if f.policy != "sensible" {
		var err error
		if policy, err = audit.LoadPolicy(f.policy); err != nil {
			return nil, nil, err
		}
	}
	f.file.Logger = log
	file, err := audit.OpenFile(f.file)
	if err != nil {
		return nil, nil, err
	}
	return audit.New(policy, audit.NewLog(file), log), file, nil
}
