/* The description of an instance, as api sends it. */
#pragma once

#define DESCRIPTION(address, tokens)                                                               \
    "{\"InstanceId\": \"i-1\", \"Vpc\": \"vpc-1\", \"PrivateIpAddress\": \"" address "\","         \
    " \"PublicIpAddress\": \"100.64.0.5\", \"PrivateDnsName\": \"ip-10-0-1-5.ec2.internal\","      \
    " \"ImageId\": \"ami-1\", \"InstanceType\": \"t2.micro\", \"Region\": \"us-east-1\","          \
    " \"AvailabilityZone\": \"us-east-1a\", \"AccountId\": \"000000000000\","                      \
    " \"Mac\": \"02:00:00:00:00:01\", \"SecurityGroups\": [\"web\", \"ssh\"],"                     \
    " \"Interfaces\": [{\"Mac\": \"02:00:00:00:00:01\", \"DeviceNumber\": 0,"                      \
    " \"InterfaceId\": \"eni-1\", \"Vpc\": \"vpc-1\", \"VpcCidr\": \"10.0.0.0/16\","               \
    " \"VpcCidrs\": [\"10.0.0.0/16\"], \"SubnetId\": \"subnet-1\","                                \
    " \"SubnetCidr\": \"10.0.1.0/24\", \"PrivateIpAddresses\": [\"" address "\"],"                 \
    " \"Associations\": {\"100.64.0.5\": [\"" address "\"]},"                                      \
    " \"SecurityGroups\": [\"web\", \"ssh\"], \"SecurityGroupIds\": [\"sg-1\", \"sg-2\"]},"        \
    " {\"Mac\": \"02:00:00:00:00:02\", \"DeviceNumber\": 1, \"InterfaceId\": \"eni-2\","           \
    " \"Vpc\": \"vpc-1\", \"SubnetId\": \"subnet-2\","                                             \
    " \"PrivateIpAddresses\": [\"10.0.2.7\", \"127.0.0.9\"],"                                      \
    " \"Associations\": {\"100.64.0.9\": [\"127.0.0.9\"]}}],"                                      \
    " \"KeyName\": \"my-key\", \"PublicKey\": \"ssh-ed25519 AAAA my-key\","                        \
    " \"UserData\": \"IyEvYmluL3NoCmVjaG8gaGkK\", \"ReservationId\": \"r-1\","                     \
    " \"LaunchIndex\": 0, \"LaunchTime\": 1767323045, \"Architecture\": \"x86_64\", "              \
    "\"AvailabilityZoneId\": \"use1-az1\", \"Monitoring\": \"disabled\", \"PlacementGroup\": "     \
    "\"parts\", \"PartitionNumber\": 2, \"LifecycleState\": \"InService\","                        \
    " \"Tags\": {\"Name\": \"server-1\"}, \"MetadataOptions\": {\"HttpTokens\": \"" tokens "\","   \
    " \"HttpEndpoint\": \"enabled\", \"HttpPutResponseHopLimit\": 1,"                              \
    " \"InstanceMetadataTags\": \"enabled\"}}"
