package serviceaccount

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"golang.org/x/sync/errgroup"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

// tokenSeconds is how long a token in a secret is good, if the secret lasts: a
// hundred years, which is about what the API server gives at most.
const tokenSeconds = int64(100 * 365 * 24 * 60 * 60)

// Tokens puts tokens into the Secrets that are for them: those of type
// kubernetes.io/service-account-token, which name a ServiceAccount. Each token is bound
// to its Secret, so it is good for as long as that exists, and no longer. A Secret whose
// account does not exist, or not any more, is deleted.
type Tokens struct {
	controller *controller.Controller
	rootCA     []byte
	accounts   *client.Kind[*corev1.ServiceAccount]
	secrets    *client.Informer[*corev1.Secret]
	write      *client.Kind[*corev1.Secret]
}

// byAccount finds secrets by "namespace/account".
const byAccount = "account"

// NewTokens returns the controller of tokens. Beside them it puts the certificates (PEM)
// by which to know the server. Its keys are Secrets.
func NewTokens(c *client.Client, informers *client.Informers, certificates []byte, opts controller.Options) *Tokens {
	t := &Tokens{
		rootCA:   certificates,
		accounts: client.For[*corev1.ServiceAccount](c),
		// An informer of its own: other secrets are none of its business.
		secrets: client.NewInformer(c, client.InformerOptions[*corev1.Secret]{
			FieldSelector: "type=" + string(corev1.SecretTypeServiceAccountToken),
			Indexes:       map[string]func(*corev1.Secret) []string{byAccount: accountOf},
		}),
		write: client.For[*corev1.Secret](c),
	}
	t.controller = controller.New("serviceaccount-token", t, opts)
	controller.Watch(t.controller, t.secrets, controller.Self)
	controller.Watch(t.controller, client.Shared[*corev1.ServiceAccount](informers), func(a *corev1.ServiceAccount) []controller.Key {
		var keys []controller.Key
		for _, s := range t.secrets.ByIndex(byAccount, a.Namespace+"/"+a.Name) {
			keys = append(keys, controller.KeyOf(s))
		}
		return keys
	})
	return t
}

func accountOf(s *corev1.Secret) []string {
	return []string{s.Namespace + "/" + s.Annotations[corev1.ServiceAccountNameKey]}
}

// Name is the controller's name.
func (t *Tokens) Name() string { return t.controller.Name() }

// Run runs the controller and its informer until ctx ends.
func (t *Tokens) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return t.secrets.Run(ctx) })
	g.Go(func() error { return t.controller.Run(ctx) })
	return g.Wait()
}

// Reconcile implements controller.Reconciler.
func (t *Tokens) Reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	secret, ok := t.secrets.Get(key.Namespace, key.Name)
	if !ok || secret.DeletionTimestamp != nil {
		return controller.Result{}, nil
	}
	// Asked of the server, for what follows cannot be undone.
	account, err := t.accounts.Get(ctx, key.Namespace, secret.Annotations[corev1.ServiceAccountNameKey])
	switch {
	case apierrors.IsNotFound(err), err == nil && isForAnother(secret, account):
		err := t.write.Delete(ctx, key.Namespace, key.Name, client.Precondition(secret.UID, ""))
		if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
			err = nil // somebody else was faster
		}
		return controller.Result{}, err
	case err != nil:
		return controller.Result{}, err
	case t.isComplete(secret, account):
		return controller.Result{}, nil
	}
	return controller.Result{}, t.fill(ctx, secret, account)
}

// isForAnother says whether a secret is of an account that had the name before.
func isForAnother(secret *corev1.Secret, account *corev1.ServiceAccount) bool {
	uid := secret.Annotations[corev1.ServiceAccountUIDKey]
	return uid != "" && uid != string(account.UID)
}

func (t *Tokens) isComplete(secret *corev1.Secret, account *corev1.ServiceAccount) bool {
	return len(secret.Data[corev1.ServiceAccountTokenKey]) > 0 &&
		bytes.Equal(secret.Data[corev1.ServiceAccountRootCAKey], t.rootCA) &&
		string(secret.Data[corev1.ServiceAccountNamespaceKey]) == secret.Namespace &&
		secret.Annotations[corev1.ServiceAccountUIDKey] == string(account.UID)
}

// fill puts into a secret what is missing.
func (t *Tokens) fill(ctx context.Context, secret *corev1.Secret, account *corev1.ServiceAccount) error {
	token := secret.Data[corev1.ServiceAccountTokenKey]
	if len(token) == 0 {
		issued, err := t.issue(ctx, secret, account)
		if err != nil {
			return fmt.Errorf("request a token of service account %s: %w", account.Name, err)
		}
		token = []byte(issued)
	}
	_, err := t.write.Modify(ctx, secret.Namespace, secret.Name, func(live *corev1.Secret) error {
		if live.UID != secret.UID {
			return controller.ErrRetry
		}
		if live.Data == nil {
			live.Data = map[string][]byte{}
		}
		live.Data[corev1.ServiceAccountTokenKey] = token
		live.Data[corev1.ServiceAccountRootCAKey] = t.rootCA
		live.Data[corev1.ServiceAccountNamespaceKey] = []byte(live.Namespace)
		live.Annotations[corev1.ServiceAccountUIDKey] = string(account.UID)
		return nil
	})
	return ignoreLate(err)
}

// issue requests a token that is bound to the secret.
func (t *Tokens) issue(ctx context.Context, secret *corev1.Secret, account *corev1.ServiceAccount) (string, error) {
	seconds := tokenSeconds
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: &seconds,
		BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Secret", Name: secret.Name, UID: secret.UID},
	}}
	answer := &authenticationv1.TokenRequest{}
	if err := t.accounts.Subresource(ctx, http.MethodPost, account.Namespace, account.Name, "token", request, answer); err != nil {
		return "", err
	}
	return answer.Status.Token, nil
}
