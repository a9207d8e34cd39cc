package kinds

import (
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MandatoryFlowSchemas are the schemas that every server has and nobody can
// change: the first lets the cluster's masters through, the last takes what no
// other schema wants.
func MandatoryFlowSchemas() []*flowcontrolv1.FlowSchema {
	byUser := &flowcontrolv1.FlowDistinguisherMethod{Type: flowcontrolv1.FlowDistinguisherMethodByUserType}
	return []*flowcontrolv1.FlowSchema{
		mandatoryFlowSchema(flowcontrolv1.FlowSchemaNameExempt, 1, nil, "system:masters"),
		mandatoryFlowSchema(flowcontrolv1.FlowSchemaNameCatchAll, flowcontrolv1.FlowSchemaMaxMatchingPrecedence, byUser,
			"system:unauthenticated", "system:authenticated"),
	}
}

// mandatoryFlowSchema sends all requests of some groups to the level of its own name.
func mandatoryFlowSchema(name string, precedence int32, method *flowcontrolv1.FlowDistinguisherMethod, groups ...string) *flowcontrolv1.FlowSchema {
	var subjects []flowcontrolv1.Subject
	for _, group := range groups {
		subjects = append(subjects, flowcontrolv1.Subject{
			Kind: flowcontrolv1.SubjectKindGroup, Group: &flowcontrolv1.GroupSubject{Name: group},
		})
	}
	all := []string{"*"}
	return &flowcontrolv1.FlowSchema{
		ObjectMeta: bootstrapMeta(name),
		Spec: flowcontrolv1.FlowSchemaSpec{
			PriorityLevelConfiguration: flowcontrolv1.PriorityLevelConfigurationReference{Name: name},
			MatchingPrecedence:         precedence,
			DistinguisherMethod:        method,
			Rules: []flowcontrolv1.PolicyRulesWithSubjects{{
				Subjects: subjects,
				ResourceRules: []flowcontrolv1.ResourcePolicyRule{
					{Verbs: all, APIGroups: all, Resources: all, Namespaces: all, ClusterScope: true},
				},
				NonResourceRules: []flowcontrolv1.NonResourcePolicyRule{{Verbs: all, NonResourceURLs: all}},
			}},
		},
	}
}

// MandatoryPriorityLevels are the levels of the [MandatoryFlowSchemas].
func MandatoryPriorityLevels() []*flowcontrolv1.PriorityLevelConfiguration {
	return []*flowcontrolv1.PriorityLevelConfiguration{
		{
			ObjectMeta: bootstrapMeta(flowcontrolv1.PriorityLevelConfigurationNameCatchAll),
			Spec: flowcontrolv1.PriorityLevelConfigurationSpec{
				Type: flowcontrolv1.PriorityLevelEnablementLimited,
				Limited: &flowcontrolv1.LimitedPriorityLevelConfiguration{
					NominalConcurrencyShares: new(int32(5)),
					LendablePercent:          new(int32(0)),
					LimitResponse:            flowcontrolv1.LimitResponse{Type: flowcontrolv1.LimitResponseTypeReject},
				},
			},
		},
		{
			ObjectMeta: bootstrapMeta(flowcontrolv1.PriorityLevelConfigurationNameExempt),
			Spec: flowcontrolv1.PriorityLevelConfigurationSpec{
				Type: flowcontrolv1.PriorityLevelEnablementExempt,
				Exempt: &flowcontrolv1.ExemptPriorityLevelConfiguration{
					NominalConcurrencyShares: new(int32(0)),
					LendablePercent:          new(int32(0)),
				},
			},
		},
	}
}

// bootstrapMeta marks an object as one that the server keeps up to date.
func bootstrapMeta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: name, Annotations: map[string]string{flowcontrolv1.AutoUpdateAnnotationKey: "true"},
	}
}
