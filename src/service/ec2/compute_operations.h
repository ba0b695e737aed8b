/* Instances, images, keys and launch templates: the operations that work, by file. */
#pragma once

#define EC2_COMPUTE_OPERATIONS(X)                                                                  \
    /* key_pairs.c */                                                                              \
    X(CreateKeyPair)                                                                               \
    X(ImportKeyPair)                                                                               \
    X(DescribeKeyPairs)                                                                            \
    X(DeleteKeyPair)                                                                               \
    /* instance_type_operations.c */                                                               \
    X(DescribeInstanceTypes)                                                                       \
    X(DescribeInstanceTypeOfferings)                                                               \
    /* images.c */                                                                                 \
    X(DescribeImages)                                                                              \
    X(DescribeImageAttribute)                                                                      \
    X(CreateImage)                                                                                 \
    X(DeregisterImage)                                                                             \
    /* image_attributes.c */                                                                       \
    X(ModifyImageAttribute)                                                                        \
    X(ResetImageAttribute)                                                                         \
    X(EnableImageDeprecation)                                                                      \
    X(DisableImageDeprecation)                                                                     \
    /* image_copy.c */                                                                             \
    X(CopyImage)                                                                                   \
    /* instance_options.c */                                                                       \
    X(ModifyInstanceCreditSpecification)                                                           \
    X(ModifyInstanceMaintenanceOptions)                                                            \
    X(ModifyInstancePlacement)                                                                     \
    X(GetPasswordData)                                                                             \
    /* placement_group.c */                                                                        \
    X(CreatePlacementGroup)                                                                        \
    X(DescribePlacementGroups)                                                                     \
    X(DeletePlacementGroup)                                                                        \
    /* metadata_defaults.c */                                                                      \
    X(ModifyInstanceMetadataDefaults)                                                              \
    X(GetInstanceMetadataDefaults)                                                                 \
    /* launch_template_data.c */                                                                   \
    X(GetLaunchTemplateData)                                                                       \
    /* launch_templates.c */                                                                       \
    X(CreateLaunchTemplate)                                                                        \
    X(DescribeLaunchTemplates)                                                                     \
    X(ModifyLaunchTemplate)                                                                        \
    X(DeleteLaunchTemplate)                                                                        \
    /* launch_template_versions.c */                                                               \
    X(CreateLaunchTemplateVersion)                                                                 \
    X(DescribeLaunchTemplateVersions)                                                              \
    X(DeleteLaunchTemplateVersions)                                                                \
    /* run_instances.c */                                                                          \
    X(RunInstances)                                                                                \
    /* describe_instances.c */                                                                     \
    X(DescribeInstances)                                                                           \
    X(DescribeInstanceStatus)                                                                      \
    X(DescribeInstanceCreditSpecifications)                                                        \
    X(GetConsoleOutput)                                                                            \
    /* volume.c */                                                                                 \
    X(CreateVolume)                                                                                \
    X(DeleteVolume)                                                                                \
    X(DescribeVolumes)                                                                             \
    X(DescribeVolumeStatus)                                                                        \
    X(DescribeVolumeAttribute)                                                                     \
    /* volume_attachment.c */                                                                      \
    X(AttachVolume)                                                                                \
    X(DetachVolume)                                                                                \
    /* volume_modify.c */                                                                          \
    X(ModifyVolume)                                                                                \
    X(DescribeVolumesModifications)                                                                \
    /* snapshot.c */                                                                               \
    X(CreateSnapshot)                                                                              \
    X(DeleteSnapshot)                                                                              \
    X(DescribeSnapshots)                                                                           \
    /* instance_actions.c */                                                                       \
    X(StartInstances)                                                                              \
    X(StopInstances)                                                                               \
    X(RebootInstances)                                                                             \
    X(TerminateInstances)                                                                          \
    X(MonitorInstances)                                                                            \
    X(UnmonitorInstances)                                                                          \
    /* instance_attributes.c */                                                                    \
    X(DescribeInstanceAttribute)                                                                   \
    X(ResetInstanceAttribute)                                                                      \
    X(ModifyInstanceAttribute)                                                                     \
    X(ModifyInstanceMetadataOptions)
