package interop_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/coracle-k8s/coracle/interop/envtest"
)

// finalizer holds a website until its operator has said goodbye.
const finalizer = "example.com/goodbye"

// An operator keeps a Deployment for each Website.
type operator struct {
	client.Client
	goodbyes chan string
}

func (o *operator) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var site Website
	if err := o.Get(ctx, req.NamespacedName, &site); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if site.DeletionTimestamp != nil {
		if controllerutil.RemoveFinalizer(&site, finalizer) {
			o.goodbyes <- site.Name
			return ctrl.Result{}, o.Update(ctx, &site)
		}
		return ctrl.Result{}, nil
	}
	if controllerutil.AddFinalizer(&site, finalizer) {
		return ctrl.Result{}, o.Update(ctx, &site)
	}
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: site.Namespace, Name: site.Name}}
	_, err := controllerutil.CreateOrUpdate(ctx, o.Client, d, func() error {
		labels := map[string]string{"site": site.Name}
		d.Spec.Replicas = site.Spec.Replicas
		d.Spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
		d.Spec.Template.Labels = labels
		d.Spec.Template.Annotations = map[string]string{"text": site.Spec.Text}
		d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "web", Image: "web:v1"}}
		return controllerutil.SetControllerReference(&site, d, o.Scheme())
	})
	if err != nil {
		return ctrl.Result{}, err
	}
	site.Status = WebsiteStatus{Ready: d.Status.ReadyReplicas, ObservedGeneration: site.Generation}
	return ctrl.Result{}, o.Status().Update(ctx, &site)
}

// siteHooks are the operator's webhooks.
type siteHooks struct{}

func (siteHooks) Default(_ context.Context, s *Website) error {
	if s.Spec.Replicas == nil {
		two := int32(2)
		s.Spec.Replicas = &two
	}
	return nil
}

func (siteHooks) ValidateCreate(_ context.Context, s *Website) (admission.Warnings, error) {
	if s.Spec.Text == "forbidden" {
		return nil, errors.New("this text is forbidden")
	}
	return admission.Warnings{"think before you publish"}, nil
}

func (h siteHooks) ValidateUpdate(ctx context.Context, _, s *Website) (admission.Warnings, error) {
	return h.ValidateCreate(ctx, s)
}

func (siteHooks) ValidateDelete(_ context.Context, s *Website) (admission.Warnings, error) {
	if s.Labels["keep"] == "true" {
		return nil, errors.New("this site is to be kept")
	}
	return nil, nil
}

// A controller-runtime operator, with its kind, its webhooks, a finalizer and
// owner references, works on our cluster as on any.
func TestOperator(t *testing.T) {
	env := envtest.New(t)
	env.CRDDirectoryPaths = []string{"testdata/operator/crd.yaml"}
	env.WebhookInstallOptions.MutatingWebhooks = []*admissionv1.MutatingWebhookConfiguration{mutating()}
	env.WebhookInstallOptions.ValidatingWebhooks = []*admissionv1.ValidatingWebhookConfiguration{validating()}
	_, err := env.Start()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, env.Stop()) })
	o := startOperator(t, env)

	c, ctx := o.Client, t.Context()
	site := &Website{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "blog"}, Spec: WebsiteSpec{Text: "hello"}}
	eventually(t, "the webhooks to answer", func() bool {
		err := c.Create(ctx, site.DeepCopyObject().(*Website))
		t.Log("create:", err)
		return err == nil
	})
	get := func() *Website {
		var s Website
		require.NoError(t, c.Get(ctx, client.ObjectKeyFromObject(site), &s))
		return &s
	}
	require.Equal(t, int32(2), *get().Spec.Replicas, "by the webhook")
	require.Equal(t, "light", get().Spec.Theme, "by the schema")

	eventually(t, "two ready pods, and a status that says so", func() bool { return get().Status.Ready == 2 })
	var d appsv1.Deployment
	require.NoError(t, c.Get(ctx, client.ObjectKeyFromObject(site), &d))
	require.Equal(t, "Website", d.OwnerReferences[0].Kind)

	t.Run("what is refused", func(t *testing.T) {
		for name, change := range map[string]struct {
			do   func(*Website)
			says string
		}{
			"by the schema":  {func(s *Website) { s.Spec.Theme = "pink" }, `spec.theme: Unsupported value: "pink": supported values: "light", "dark"`},
			"by a rule":      {func(s *Website) { s.Spec.Theme, *s.Spec.Replicas = "dark", 7 }, "dark sites are small"},
			"by the webhook": {func(s *Website) { s.Spec.Text = "forbidden" }, "this text is forbidden"},
		} {
			bad := get()
			change.do(bad)
			require.ErrorContains(t, c.Update(ctx, bad), change.says, name)
		}
	})
	t.Run("the status is its own", func(t *testing.T) {
		s := get()
		s.Status.Ready = 99
		require.NoError(t, c.Update(ctx, s))
		require.Equal(t, int32(2), s.Status.Ready)
	})

	t.Run("deletion", func(t *testing.T) {
		s := get()
		s.Labels = map[string]string{"keep": "true"}
		require.NoError(t, c.Update(ctx, s))
		require.ErrorContains(t, c.Delete(ctx, s), "this site is to be kept")
		s = get()
		s.Labels = nil
		require.NoError(t, c.Update(ctx, s))
		require.NoError(t, c.Delete(ctx, s))
		require.Equal(t, "blog", <-o.goodbyes)
		eventually(t, "the site and its Deployment to be gone", func() bool {
			return apierrors.IsNotFound(c.Get(ctx, client.ObjectKeyFromObject(site), &Website{})) &&
				apierrors.IsNotFound(c.Get(ctx, client.ObjectKeyFromObject(site), &appsv1.Deployment{}))
		})
	})
}

// startOperator runs the operator's manager until the test ends.
func startOperator(t *testing.T, env *envtest.Environment) *operator {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	addWebsites(scheme)
	ctrl.SetLogger(logr.Discard())
	hooks := env.WebhookInstallOptions
	m, err := ctrl.NewManager(env.Config, ctrl.Options{
		Scheme: scheme, Metrics: server.Options{BindAddress: "0"},
		WebhookServer: webhook.NewServer(webhook.Options{
			Host: hooks.LocalServingHost, Port: hooks.LocalServingPort, CertDir: hooks.LocalServingCertDir,
		}),
	})
	require.NoError(t, err)
	direct, err := client.New(env.Config, client.Options{Scheme: scheme})
	require.NoError(t, err)
	o := &operator{Client: direct, goodbyes: make(chan string, 1)}
	require.NoError(t, ctrl.NewControllerManagedBy(m).For(&Website{}).Owns(&appsv1.Deployment{}).Complete(o))
	require.NoError(t, ctrl.NewWebhookManagedBy(m, &Website{}).WithDefaulter(siteHooks{}).WithValidator(siteHooks{}).Complete())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return o
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, 30*time.Second, 20*time.Millisecond, what)
}

func rules(operations ...admissionv1.OperationType) []admissionv1.RuleWithOperations {
	return []admissionv1.RuleWithOperations{{Operations: operations, Rule: admissionv1.Rule{
		APIGroups: []string{"example.com"}, APIVersions: []string{"v1"}, Resources: []string{"websites"},
	}}}
}

func hookService(path string) admissionv1.WebhookClientConfig {
	return admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Namespace: "default", Name: "operator", Path: &path}}
}

func mutating() *admissionv1.MutatingWebhookConfiguration {
	none := admissionv1.SideEffectClassNone
	return &admissionv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "operator"},
		Webhooks: []admissionv1.MutatingWebhook{{
			Name: "default.example.com", SideEffects: &none, AdmissionReviewVersions: []string{"v1"},
			Rules:        rules(admissionv1.Create, admissionv1.Update),
			ClientConfig: hookService("/mutate-example-com-v1-website"),
		}},
	}
}

func validating() *admissionv1.ValidatingWebhookConfiguration {
	none := admissionv1.SideEffectClassNone
	return &admissionv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "operator"},
		Webhooks: []admissionv1.ValidatingWebhook{{
			Name: "check.example.com", SideEffects: &none, AdmissionReviewVersions: []string{"v1"},
			Rules:        rules(admissionv1.Create, admissionv1.Update, admissionv1.Delete),
			ClientConfig: hookService("/validate-example-com-v1-website"),
		}},
	}
}
