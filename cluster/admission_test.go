package cluster_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster/clustertest"
	"github.com/coracle-k8s/coracle/pki"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

// A webhook that runs in pods of the cluster judges what the cluster stores.
func TestAdmission_webhookInPods(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		trust, err := pki.New()
		require.NoError(t, err)
		certificate, err := trust.ServerTLS("judge", "judge.default.svc")
		require.NoError(t, err)
		c := clustertest.New(t, clustertest.WithImage("judge", overTLS(certificate, http.HandlerFunc(judge))))
		c.Apply(`
apiVersion: v1
kind: Service
metadata: {name: judge}
spec: {selector: {app: judge}, ports: [{port: 443, targetPort: 8443}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: judge}
spec:
  replicas: 2
  selector: {matchLabels: {app: judge}}
  template: {metadata: {labels: {app: judge}}, spec: {containers: [{name: judge, image: judge}]}}`)
		c.WaitFor("the judges to run", func() bool { return running(c) == 2 })
		c.Apply(fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: judge}
webhooks:
- name: judge.example.com
  clientConfig: {caBundle: %s, service: {namespace: default, name: judge, path: /judge}}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
  sideEffects: None
  admissionReviewVersions: [v1]`, base64.StdEncoding.EncodeToString(trust.CAPEM())))
		c.WaitFor("the webhook to be asked", func() bool {
			err := createMap(t, c, "bad")
			return err != nil && strings.Contains(err.Error(), `admission webhook "judge.example.com" denied the request: bad`)
		})
		require.NoError(t, createMap(t, c, "good"))
	})
}

func createMap(t *testing.T, c *clustertest.Cluster, name string) error {
	_, err := client.For[*corev1.ConfigMap](c.Client()).Create(t.Context(),
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}})
	return err
}

func running(c *clustertest.Cluster) (n int) {
	for _, p := range clustertest.List[*corev1.Pod](c, "default", "") {
		for _, condition := range p.Status.Conditions {
			if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
				n++
			}
		}
	}
	return n
}

// judge denies what is called bad.
func judge(w http.ResponseWriter, r *http.Request) {
	var review admissionv1.AdmissionReview
	_ = json.NewDecoder(r.Body).Decode(&review)
	review.Response = &admissionv1.AdmissionResponse{
		UID: review.Request.UID, Allowed: review.Request.Name != "bad",
		Result: &metav1.Status{Message: review.Request.Name},
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(&review)
}

// overTLS is a program that serves over TLS.
func overTLS(config *tls.Config, handler http.Handler) goroutine.Program {
	return func(ctx context.Context, p *goroutine.Process) int {
		listener, err := p.Listen("tcp", ":8443")
		if err != nil {
			p.Logf("listen: %v", err)
			return 1
		}
		server := &http.Server{Handler: handler, BaseContext: func(net.Listener) context.Context { return ctx }}
		served := make(chan error, 1)
		go func() { served <- server.Serve(tls.NewListener(listener, config)) }()
		select {
		case <-ctx.Done():
		case <-p.Stopping():
		}
		_ = server.Close()
		<-served
		return 0
	}
}

// A policy can keep people out of running pods.
func TestAdmission_policyOnExec(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := clustertest.New(t)
		c.Apply(`
apiVersion: v1
kind: Pod
metadata: {name: a}
spec: {containers: [{name: a, image: i}]}`)
		c.WaitFor("the pod to run", func() bool { return running(c) == 1 })
		_, _, err := c.Exec(t.Context(), "default", "a", "", "echo", "hello")
		require.NoError(t, err)
		c.Apply(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-exec}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CONNECT], resources: [pods/exec]}]
  validations: [{expression: "object.command[0] != 'echo'", message: "no echo here", reason: Forbidden}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-exec}
spec: {policyName: no-exec, validationActions: [Deny]}`)
		c.WaitFor("the policy to count", func() bool {
			_, _, err = c.Exec(t.Context(), "default", "a", "", "echo", "hello")
			return err != nil
		})
		require.ErrorContains(t, err, "no echo here")
		_, _, err = c.Exec(t.Context(), "default", "a", "", "sleep", "0")
		require.NoError(t, err)
	})
}
