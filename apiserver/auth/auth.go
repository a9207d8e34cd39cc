package auth

import (
	"crypto/ecdsa"
	"crypto/x509"
	"errors"

	"github.com/coracle-k8s/coracle/apiserver"
)

// Options say how [New] is to judge requests.
type Options struct {
	// Objects are the stored roles, bindings, accounts and pods. Required.
	Objects apiserver.Objects
	// SigningKey signs service account tokens. Required.
	SigningKey *ecdsa.PrivateKey
	// Issuer and Audiences are those of [NewTokens].
	Issuer    string
	Audiences []string
	// ClientCAs are the authorities of client certificates; nil means that
	// certificates say nothing.
	ClientCAs *x509.CertPool
	// FrontProxyCAs are the authorities of servers that pass requests on and say
	// whose they are; nil means that nobody may.
	FrontProxyCAs *x509.CertPool
	// FrontProxyNames are the common names that such servers may have; none
	// means any.
	FrontProxyNames []string
	// Authenticators and Authorizers are asked after ours.
	Authenticators []apiserver.Authenticator
	Authorizers    []apiserver.Authorizer
	// NoAnonymous refuses requests without credentials.
	NoAnonymous bool
}

// Auth is the usual set of authenticators, authorizers, hooks and connectors,
// put together in the order that makes them safe.
type Auth struct {
	// Authenticators are asked in order.
	Authenticators []apiserver.Authenticator
	// Authorizer is system:masters, then nodes, then RBAC, then the options'.
	Authorizer apiserver.Authorizer
	// Tokens issues and checks service account tokens, and serves the
	// documents for those who check them elsewhere.
	Tokens *Tokens

	bootstrap BootstrapTokens
	rbac      RBAC
}

// New puts the usual parts together.
func New(opts Options) (*Auth, error) {
	if opts.Objects == nil || opts.SigningKey == nil {
		return nil, errors.New("auth: objects and a signing key are required")
	}
	tokens, err := NewTokens(opts.SigningKey, opts.Issuer, opts.Audiences, opts.Objects)
	if err != nil {
		return nil, err
	}
	rbac := RBAC{Objects: opts.Objects}
	authorizer := append(Union{Masters{}, Node{Objects: opts.Objects}, rbac}, opts.Authorizers...)

	chain := []apiserver.Authenticator{InProcess{}}
	if opts.FrontProxyCAs != nil {
		chain = append(chain, FrontProxy{Roots: opts.FrontProxyCAs, Names: opts.FrontProxyNames})
	}
	if opts.ClientCAs != nil {
		chain = append(chain, &X509{Roots: opts.ClientCAs})
	}
	bootstrap := BootstrapTokens{Objects: opts.Objects}
	chain = append(chain, tokens, bootstrap)
	chain = append(chain, opts.Authenticators...)
	if !opts.NoAnonymous {
		chain = append(chain, Anonymous{})
	}
	return &Auth{
		Authenticators: chain,
		Authorizer:     authorizer,
		Tokens:         tokens,
		bootstrap:      bootstrap,
		rbac:           rbac,
	}, nil
}

// Hooks returns the admission hooks that belong to authorization. They come
// after those of package admission, which fill in what is judged here.
func (a *Auth) Hooks() []apiserver.Hook {
	return []apiserver.Hook{NodeRestriction(), Signers{Authorizer: a.Authorizer}, Escalation{RBAC: a.rbac, Authorizer: a.Authorizer}}
}

// Connectors returns the connectors of this package by what they serve:
// "resource", or "resource/subresource".
func (a *Auth) Connectors() map[string]apiserver.Connector {
	access := accessReview{a.Authorizer}
	return map[string]apiserver.Connector{
		"serviceaccounts/token":     tokenRequest{a.Tokens},
		"tokenreviews":              tokenReview{a.Tokens, a.bootstrap},
		"selfsubjectreviews":        selfReview{},
		"subjectaccessreviews":      access,
		"selfsubjectaccessreviews":  access,
		"localsubjectaccessreviews": access,
		"selfsubjectrulesreviews":   rulesReview{a.rbac},
	}
}
