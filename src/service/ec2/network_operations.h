/* VPCs and all that is in them, tags and regions: the operations that work, by file. */
#pragma once

/* clang-format off */
#define EC2_NETWORK_OPERATIONS(X)                                                                  \
    /* account.c */                                                                                \
    X(DescribeAccountAttributes)                                                                   \
    /* address.c */                                                                                \
    X(AllocateAddress)                                                                             \
    X(AssociateAddress)                                                                            \
    X(DescribeAddresses)                                                                           \
    X(DescribeAddressesAttribute)                                                                  \
    X(DisassociateAddress)                                                                         \
    X(ReleaseAddress)                                                                              \
    /* dhcp_options.c */                                                                           \
    X(AssociateDhcpOptions)                                                                        \
    X(CreateDhcpOptions)                                                                           \
    X(DeleteDhcpOptions)                                                                           \
    X(DescribeDhcpOptions)                                                                         \
    /* flow_log.c */                                                                               \
    X(CreateFlowLogs)                                                                              \
    X(DeleteFlowLogs)                                                                              \
    X(DescribeFlowLogs)                                                                            \
    /* internet_gateway.c */                                                                       \
    X(AttachInternetGateway)                                                                       \
    X(CreateInternetGateway)                                                                       \
    X(DeleteInternetGateway)                                                                       \
    X(DescribeInternetGateways)                                                                    \
    X(DetachInternetGateway)                                                                       \
    /* nat_gateway.c */                                                                            \
    X(CreateNatGateway)                                                                            \
    X(DeleteNatGateway)                                                                            \
    X(DescribeNatGateways)                                                                         \
    /* network_acl.c */                                                                            \
    X(CreateNetworkAcl)                                                                            \
    X(DeleteNetworkAcl)                                                                            \
    X(DescribeNetworkAcls)                                                                         \
    X(ReplaceNetworkAclAssociation)                                                                \
    /* network_acl_entry.c */                                                                      \
    X(CreateNetworkAclEntry)                                                                       \
    X(DeleteNetworkAclEntry)                                                                       \
    X(ReplaceNetworkAclEntry)                                                                      \
    /* network_insights.c */                                                                       \
    X(CreateNetworkInsightsPath)                                                                   \
    X(DeleteNetworkInsightsPath)                                                                   \
    X(DescribeNetworkInsightsPaths)                                                                \
    /* network_insights_analysis.c */                                                              \
    X(DeleteNetworkInsightsAnalysis)                                                               \
    X(DescribeNetworkInsightsAnalyses)                                                             \
    X(StartNetworkInsightsAnalysis)                                                                \
    /* network_interface.c */                                                                      \
    X(CreateNetworkInterface)                                                                      \
    X(DeleteNetworkInterface)                                                                      \
    X(DescribeNetworkInterfaces)                                                                   \
    /* network_interface_addresses.c */                                                            \
    X(AssignPrivateIpAddresses)                                                                    \
    X(UnassignPrivateIpAddresses)                                                                  \
    /* network_interface_attachment.c */                                                           \
    X(AttachNetworkInterface)                                                                      \
    X(DetachNetworkInterface)                                                                      \
    /* network_interface_attributes.c */                                                           \
    X(DescribeNetworkInterfaceAttribute)                                                           \
    X(ModifyNetworkInterfaceAttribute)                                                             \
    X(ResetNetworkInterfaceAttribute)                                                              \
    /* prefix_list.c */                                                                            \
    X(CreateManagedPrefixList)                                                                     \
    X(DeleteManagedPrefixList)                                                                     \
    X(DescribeManagedPrefixLists)                                                                  \
    X(GetManagedPrefixListEntries)                                                                 \
    X(ModifyManagedPrefixList)                                                                     \
    /* prefix_list_managed.c */                                                                    \
    X(DescribePrefixLists)                                                                         \
    /* route.c */                                                                                  \
    X(CreateRoute)                                                                                 \
    X(DeleteRoute)                                                                                 \
    X(ReplaceRoute)                                                                                \
    /* route_table.c */                                                                            \
    X(AssociateRouteTable)                                                                         \
    X(CreateRouteTable)                                                                            \
    X(DeleteRouteTable)                                                                            \
    X(DescribeRouteTables)                                                                         \
    X(DisassociateRouteTable)                                                                      \
    X(ReplaceRouteTableAssociation)                                                                \
    /* security_group.c */                                                                         \
    X(CreateSecurityGroup)                                                                         \
    X(DeleteSecurityGroup)                                                                         \
    X(DescribeSecurityGroups)                                                                      \
    /* security_rule.c */                                                                          \
    X(AuthorizeSecurityGroupEgress)                                                                \
    X(AuthorizeSecurityGroupIngress)                                                               \
    X(DescribeSecurityGroupRules)                                                                  \
    X(ModifySecurityGroupRules)                                                                    \
    X(RevokeSecurityGroupEgress)                                                                   \
    X(RevokeSecurityGroupIngress)                                                                  \
    X(UpdateSecurityGroupRuleDescriptionsEgress)                                                   \
    X(UpdateSecurityGroupRuleDescriptionsIngress)                                                  \
    /* subnet.c */                                                                                 \
    X(CreateSubnet)                                                                                \
    X(DeleteSubnet)                                                                                \
    X(DescribeSubnets)                                                                             \
    X(ModifySubnetAttribute)                                                                       \
    /* tagging.c */                                                                                \
    X(CreateTags)                                                                                  \
    X(DeleteTags)                                                                                  \
    X(DescribeTags)                                                                                \
    /* vpc.c */                                                                                    \
    X(CreateDefaultVpc)                                                                            \
    X(CreateVpc)                                                                                   \
    X(DeleteVpc)                                                                                   \
    X(DescribeVpcAttribute)                                                                        \
    X(DescribeVpcs)                                                                                \
    X(ModifyVpcAttribute)                                                                          \
    /* vpc_block.c */                                                                              \
    X(AssociateVpcCidrBlock)                                                                       \
    X(DisassociateVpcCidrBlock)                                                                    \
    /* vpc_endpoint.c */                                                                           \
    X(CreateVpcEndpoint)                                                                           \
    X(DeleteVpcEndpoints)                                                                          \
    X(DescribeVpcEndpointServices)                                                                 \
    X(DescribeVpcEndpoints)                                                                        \
    X(ModifyVpcEndpoint)                                                                           \
    /* vpc_peering.c */                                                                            \
    X(AcceptVpcPeeringConnection)                                                                  \
    X(CreateVpcPeeringConnection)                                                                  \
    X(DeleteVpcPeeringConnection)                                                                  \
    X(DescribeVpcPeeringConnections)                                                               \
    X(RejectVpcPeeringConnection)                                                                  \
    /* zones.c */                                                                                  \
    X(DescribeAvailabilityZones)                                                                   \
    X(DescribeRegions)
/* clang-format on */
