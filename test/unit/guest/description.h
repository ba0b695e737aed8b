/* The description of an instance, as api sends it. */
#pragma once

#define DESCRIPTION(address, tokens)                                                               \
    "{\"InstanceId\": \"i-1\", \"Vpc\": \"vpc-1\", \"PrivateIpAddress\": \"" address "\","         \
    " \"PublicIpAddress\": \"100.64.0.5\", \"PrivateDnsName\": \"ip-10-0-1-5.ec2.internal\","      \
    " \"ImageId\": \"ami-1\", \"InstanceType\": \"t2.micro\", \"Region\": \"us-east-1\","          \
    " \"AvailabilityZone\": \"us-east-1a\", \"AccountId\": \"000000000000\","                      \
    " \"Mac\": \"02:00:00:00:00:01\", \"SubnetId\": \"subnet-1\", \"VpcCidr\": \"10.0.0.0/16\", "  \
    "\"VpcCidrs\": [\"10.0.0.0/16\"],"                                                             \
    " \"SubnetCidr\": \"10.0.1.0/24\", \"InterfaceId\": \"eni-1\","                                \
    " \"SecurityGroups\": [\"web\", \"ssh\"], \"SecurityGroupIds\": [\"sg-1\", \"sg-2\"],"         \
    " \"KeyName\": \"my-key\", \"PublicKey\": \"ssh-ed25519 AAAA my-key\","                        \
    " \"UserData\": \"IyEvYmluL3NoCmVjaG8gaGkK\", \"ReservationId\": \"r-1\","                     \
    " \"LaunchIndex\": 0, \"LaunchTime\": 1767323045, \"Architecture\": \"x86_64\","               \
    " \"Tags\": {\"Name\": \"server-1\"}, \"MetadataOptions\": {\"HttpTokens\": \"" tokens "\","   \
    " \"HttpEndpoint\": \"enabled\", \"HttpPutResponseHopLimit\": 1,"                              \
    " \"InstanceMetadataTags\": \"enabled\"}}"
