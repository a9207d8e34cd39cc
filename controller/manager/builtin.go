package manager

import (
	"context"
	"time"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
	"github.com/coracle-k8s/coracle/controller/certificates"
	"github.com/coracle-k8s/coracle/controller/clusterroleaggregation"
	"github.com/coracle-k8s/coracle/controller/deployment"
	"github.com/coracle-k8s/coracle/controller/endpointslice"
	"github.com/coracle-k8s/coracle/controller/garbagecollector"
	"github.com/coracle-k8s/coracle/controller/horizontalpodautoscaler"
	"github.com/coracle-k8s/coracle/controller/namespace"
	"github.com/coracle-k8s/coracle/controller/nodelifecycle"
	"github.com/coracle-k8s/coracle/controller/podgc"
	"github.com/coracle-k8s/coracle/controller/replicaset"
	"github.com/coracle-k8s/coracle/controller/resourcequota"
	"github.com/coracle-k8s/coracle/controller/serviceaccount"
	"github.com/coracle-k8s/coracle/controller/storagemigration"
	"github.com/coracle-k8s/coracle/controller/volume"
)

// A Runner is a controller: *controller.Controller, or something that has one.
type Runner interface {
	Run(ctx context.Context) error
}

// A Constructor makes one controller. It starts nothing and asks for the
// informers it needs, which run later.
type Constructor struct {
	// Name is the controller's, as Kubernetes' --controllers flag has it.
	Name string
	New  func(env Env) Runner
}

// An Env is what controllers are made from.
type Env struct {
	Client    *client.Client
	Informers *client.Informers
	// Options are for the engine; the Recorder in them writes as this controller.
	Options controller.Options
	// RootCA are the certificates of the API server, PEM.
	RootCA []byte
	// Authority signs certificates; nil where none are signed.
	Authority certificates.Authority
	// AutoscaleInterval and NodeGrace are those of the manager's Options.
	AutoscaleInterval, NodeGrace time.Duration
	// Volumes says where new volumes go; nil where none are made.
	Volumes *volume.ProvisionerConfig
}

// The controllers that are left out where they have nothing to work with.
const (
	rootCA        = "root-ca-certificate-publisher"
	accountTokens = "serviceaccount-token"
	provisioner   = "persistentvolume-provisioner"
	signing       = "certificatesigningrequest-signing"
)

// Builtin returns the controllers that a cluster has. A new controller is one
// more line here.
func Builtin() []Constructor {
	return []Constructor{
		{"namespace", func(e Env) Runner { return namespace.New(e.Client, e.Informers, e.Options) }},
		{"serviceaccount", func(e Env) Runner { return serviceaccount.New(e.Client, e.Informers, e.Options) }},
		{rootCA, func(e Env) Runner {
			return serviceaccount.NewRootCA(e.Client, e.Informers, e.RootCA, e.Options)
		}},
		{accountTokens, func(e Env) Runner {
			return serviceaccount.NewTokens(e.Client, e.Informers, e.RootCA, e.Options)
		}},
		{"garbage-collector", func(e Env) Runner { return garbagecollector.New(e.Client, e.Informers, e.Options) }},
		{"resourcequota", func(e Env) Runner { return resourcequota.New(e.Client, e.Informers, e.Options) }},
		{"certificatesigningrequest-approving", func(e Env) Runner { return certificates.NewApproving(e.Client, e.Informers, e.Options) }},
		{signing, func(e Env) Runner { return certificates.NewSigning(e.Client, e.Informers, e.Authority, e.Options) }},
		{"certificatesigningrequest-cleaner", func(e Env) Runner { return certificates.NewCleaner(e.Client, e.Informers, e.Options) }},
		{"clusterrole-aggregation", func(e Env) Runner { return clusterroleaggregation.New(e.Client, e.Informers, e.Options) }},
		{"storage-version-migrator-controller", func(e Env) Runner { return storagemigration.New(e.Client, e.Informers, e.Options) }},
		{"node-lifecycle", func(e Env) Runner {
			return nodelifecycle.New(e.Client, e.Informers, nodelifecycle.Options{Options: e.Options, Grace: e.NodeGrace})
		}},
		{"taint-eviction", func(e Env) Runner { return nodelifecycle.NewTaintEviction(e.Client, e.Informers, e.Options) }},
		{"pod-garbage-collector", func(e Env) Runner {
			return podgc.New(e.Client, e.Informers, podgc.Options{Options: e.Options})
		}},
		{"deployment", func(e Env) Runner { return deployment.New(e.Client, e.Informers, e.Options) }},
		{"replicaset", func(e Env) Runner { return replicaset.New(e.Client, e.Informers, e.Options) }},
		{"endpointslice", func(e Env) Runner { return endpointslice.New(e.Client, e.Informers, e.Options) }},
		{"horizontal-pod-autoscaler", func(e Env) Runner {
			return horizontalpodautoscaler.New(e.Client, e.Informers, e.AutoscaleInterval, e.Options)
		}},
		{"persistentvolume-binder", func(e Env) Runner { return volume.NewBinder(e.Client, e.Informers, e.Options) }},
		{provisioner, func(e Env) Runner { return volume.NewProvisioner(e.Client, e.Informers, *e.Volumes, e.Options) }},
		{"persistentvolumeclaim-protection", func(e Env) Runner { return volume.NewClaimProtection(e.Client, e.Informers, e.Options) }},
		{"persistentvolume-protection", func(e Env) Runner { return volume.NewVolumeProtection(e.Client, e.Informers, e.Options) }},
	}
}
