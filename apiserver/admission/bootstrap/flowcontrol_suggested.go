package bootstrap

import (
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// suggestedLevels are, in the order of their importance: the nodes' work, their
// health, elections, the controllers of the cluster, the service accounts in pods,
// and everybody else.
func suggestedLevels() []*flowcontrolv1.PriorityLevelConfiguration {
	return []*flowcontrolv1.PriorityLevelConfiguration{
		queued("system", 30, 33, 64, 6),
		queued("node-high", 40, 25, 64, 6),
		queued("leader-election", 10, 0, 16, 4),
		queued("workload-high", 40, 50, 128, 6),
		queued("workload-low", 100, 90, 128, 6),
		queued("global-default", 20, 50, 128, 6),
	}
}

// queued is a level with a share of the server's seats, of which it lends some
// percent, and queues of 50 requests each.
func queued(name string, shares, lendable, queues, hand int32) *flowcontrolv1.PriorityLevelConfiguration {
	return &flowcontrolv1.PriorityLevelConfiguration{
		ObjectMeta: kept(name),
		Spec: flowcontrolv1.PriorityLevelConfigurationSpec{
			Type: flowcontrolv1.PriorityLevelEnablementLimited,
			Limited: &flowcontrolv1.LimitedPriorityLevelConfiguration{
				NominalConcurrencyShares: &shares, LendablePercent: &lendable,
				LimitResponse: flowcontrolv1.LimitResponse{
					Type:    flowcontrolv1.LimitResponseTypeQueue,
					Queuing: &flowcontrolv1.QueuingConfiguration{Queues: queues, HandSize: hand, QueueLengthLimit: 50},
				},
			},
		},
	}
}

func kept(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Annotations: map[string]string{flowcontrolv1.AutoUpdateAnnotationKey: "true"}}
}

// suggestedSchemas say who is on which level.
func suggestedSchemas() []*flowcontrolv1.FlowSchema {
	const byUser, byNamespace = flowcontrolv1.FlowDistinguisherMethodByUserType, flowcontrolv1.FlowDistinguisherMethodByNamespaceType
	everybody := groups("system:unauthenticated", "system:authenticated")
	nodes, agents := groups("system:nodes"), accounts(metav1.NamespaceSystem)
	manager, scheduler := users("system:kube-controller-manager"), users("system:kube-scheduler")
	leases := flowcontrolv1.ResourcePolicyRule{
		Verbs: star(), APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Namespaces: star(),
	}
	election := leases
	election.Verbs = []string{"get", "create", "update"}
	return []*flowcontrolv1.FlowSchema{
		schema("system-nodes", "system", 500, byUser, everything(nodes)),
		schema("system-node-high", "node-high", 400, byUser, flowcontrolv1.PolicyRulesWithSubjects{
			Subjects: nodes,
			ResourceRules: []flowcontrolv1.ResourcePolicyRule{
				{Verbs: star(), APIGroups: []string{""}, Resources: []string{"nodes", "nodes/status"}, Namespaces: star(), ClusterScope: true},
				leases,
			},
		}),
		schema("probes", "exempt", 2, "", flowcontrolv1.PolicyRulesWithSubjects{
			Subjects: everybody,
			NonResourceRules: []flowcontrolv1.NonResourcePolicyRule{
				{Verbs: []string{"get"}, NonResourceURLs: []string{"/healthz", "/readyz", "/livez"}},
			},
		}),
		schema("system-leader-election", "leader-election", 100, byUser, flowcontrolv1.PolicyRulesWithSubjects{
			Subjects:      append(users("system:kube-controller-manager", "system:kube-scheduler"), agents...),
			ResourceRules: []flowcontrolv1.ResourcePolicyRule{election},
		}),
		schema("kube-controller-manager", "workload-high", 800, byNamespace, everything(manager)),
		schema("kube-scheduler", "workload-high", 800, byNamespace, everything(scheduler)),
		schema("kube-system-service-accounts", "workload-high", 900, byNamespace, everything(agents)),
		schema("service-accounts", "workload-low", 9000, byUser, everything(groups("system:serviceaccounts"))),
		schema("global-default", "global-default", 9900, byUser, everything(everybody)),
	}
}

func schema(name, level string, precedence int32, by flowcontrolv1.FlowDistinguisherMethodType, rules flowcontrolv1.PolicyRulesWithSubjects) *flowcontrolv1.FlowSchema {
	s := &flowcontrolv1.FlowSchema{
		ObjectMeta: kept(name),
		Spec: flowcontrolv1.FlowSchemaSpec{
			PriorityLevelConfiguration: flowcontrolv1.PriorityLevelConfigurationReference{Name: level},
			MatchingPrecedence:         precedence,
			Rules:                      []flowcontrolv1.PolicyRulesWithSubjects{rules},
		},
	}
	if by != "" {
		s.Spec.DistinguisherMethod = &flowcontrolv1.FlowDistinguisherMethod{Type: by}
	}
	return s
}

// everything is all that the subjects may ask.
func everything(subjects []flowcontrolv1.Subject) flowcontrolv1.PolicyRulesWithSubjects {
	return flowcontrolv1.PolicyRulesWithSubjects{
		Subjects: subjects,
		ResourceRules: []flowcontrolv1.ResourcePolicyRule{
			{Verbs: star(), APIGroups: star(), Resources: star(), Namespaces: star(), ClusterScope: true},
		},
		NonResourceRules: []flowcontrolv1.NonResourcePolicyRule{{Verbs: star(), NonResourceURLs: star()}},
	}
}

func star() []string { return []string{"*"} }

func groups(names ...string) []flowcontrolv1.Subject {
	var all []flowcontrolv1.Subject
	for _, name := range names {
		all = append(all, flowcontrolv1.Subject{Kind: flowcontrolv1.SubjectKindGroup, Group: &flowcontrolv1.GroupSubject{Name: name}})
	}
	return all
}

func users(names ...string) []flowcontrolv1.Subject {
	var all []flowcontrolv1.Subject
	for _, name := range names {
		all = append(all, flowcontrolv1.Subject{Kind: flowcontrolv1.SubjectKindUser, User: &flowcontrolv1.UserSubject{Name: name}})
	}
	return all
}

// accounts are all service accounts of a namespace.
func accounts(namespace string) []flowcontrolv1.Subject {
	return []flowcontrolv1.Subject{{
		Kind:           flowcontrolv1.SubjectKindServiceAccount,
		ServiceAccount: &flowcontrolv1.ServiceAccountSubject{Namespace: namespace, Name: flowcontrolv1.NameAll},
	}}
}
