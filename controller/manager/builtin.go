package manager

import (
	"context"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
	"github.com/coracle-k8s/coracle/controller/garbagecollector"
	"github.com/coracle-k8s/coracle/controller/namespace"
	"github.com/coracle-k8s/coracle/controller/nodelifecycle"
	"github.com/coracle-k8s/coracle/controller/podgc"
	"github.com/coracle-k8s/coracle/controller/serviceaccount"
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
}

// Builtin returns the controllers that a cluster has. A new controller is one
// more line here.
func Builtin() []Constructor {
	return []Constructor{
		{"namespace", func(e Env) Runner { return namespace.New(e.Client, e.Informers, e.Options) }},
		{"serviceaccount", func(e Env) Runner { return serviceaccount.New(e.Client, e.Informers, e.Options) }},
		{"root-ca-certificate-publisher", func(e Env) Runner {
			return serviceaccount.NewRootCA(e.Client, e.Informers, e.RootCA, e.Options)
		}},
		{"garbage-collector", func(e Env) Runner { return garbagecollector.New(e.Client, e.Informers, e.Options) }},
		{"node-lifecycle", func(e Env) Runner {
			return nodelifecycle.New(e.Client, e.Informers, nodelifecycle.Options{Options: e.Options})
		}},
		{"taint-eviction", func(e Env) Runner { return nodelifecycle.NewTaintEviction(e.Client, e.Informers, e.Options) }},
		{"pod-garbage-collector", func(e Env) Runner {
			return podgc.New(e.Client, e.Informers, podgc.Options{Options: e.Options})
		}},
	}
}
