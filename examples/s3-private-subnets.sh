#!/usr/bin/env bash
# Private subnets behind an Application Load Balancer, NAT gateways for the way out, and a bastion for
# the way in. A group keeps two instances, one in each zone. Typed as for AWS; `eval "$(pileus env)"` first.
# AWS may name the aws command to use, with options: AWS="aws --endpoint-url http://127.0.0.1:4566".
set -euo pipefail
AWS=${AWS:-aws}
DIR=${DIR:-.}
aws() { command $AWS --region "${REGION:-ap-south-1}" --output text "$@"; }

vpc=$(aws ec2 create-vpc --cidr-block 10.0.0.0/16 --query Vpc.VpcId)
gateway=$(aws ec2 create-internet-gateway --query InternetGateway.InternetGatewayId)
aws ec2 attach-internet-gateway --internet-gateway-id "$gateway" --vpc-id "$vpc"
public_table=$(aws ec2 create-route-table --vpc-id "$vpc" --query RouteTable.RouteTableId)
aws ec2 create-route --route-table-id "$public_table" --destination-cidr-block 0.0.0.0/0 --gateway-id "$gateway" >/dev/null

subnet() { # ZONE BLOCK
    aws ec2 create-subnet --vpc-id "$vpc" --availability-zone "$1" --cidr-block "$2" --query Subnet.SubnetId
}
read -r -a zones <<<"$(aws ec2 describe-availability-zones --query 'AvailabilityZones[:2].ZoneName' | xargs)"
public=() private=() nats=() addresses=()
for n in 0 1; do
    public+=("$(subnet "${zones[n]}" "10.0.$n.0/24")")
    private+=("$(subnet "${zones[n]}" "10.0.$((128 + n)).0/24")")
    aws ec2 associate-route-table --subnet-id "${public[n]}" --route-table-id "$public_table" >/dev/null
    read -r allocation address <<<"$(aws ec2 allocate-address --domain vpc --query '[AllocationId,PublicIp]')"
    addresses+=("$address")
    nats+=("$(aws ec2 create-nat-gateway --subnet-id "${public[n]}" --allocation-id "$allocation" \
        --query NatGateway.NatGatewayId)")
done
aws ec2 wait nat-gateway-available --nat-gateway-ids "${nats[@]}"
for n in 0 1; do
    table=$(aws ec2 create-route-table --vpc-id "$vpc" --query RouteTable.RouteTableId)
    aws ec2 create-route --route-table-id "$table" --destination-cidr-block 0.0.0.0/0 --nat-gateway-id "${nats[n]}" >/dev/null
    aws ec2 associate-route-table --subnet-id "${private[n]}" --route-table-id "$table" >/dev/null
done

group() { # NAME DESCRIPTION PORT...
    local id port
    id=$(aws ec2 create-security-group --group-name "$1" --description "$2" --vpc-id "$vpc" --query GroupId)
    for port in "${@:3}"; do
        aws ec2 authorize-security-group-ingress --group-id "$id" --protocol tcp --port "$port" --cidr 0.0.0.0/0 >/dev/null
    done
    echo "$id"
}
servers_group=$(group servers "SSH and the application" 22 8000)
bastion_group=$(group bastion "SSH" 22)
balancer_group=$(group balancer "nothing from outside yet")

aws ec2 create-key-pair --key-name private-key --query KeyMaterial >"$DIR/private-key.pem"
chmod 400 "$DIR/private-key.pem"
image=$(aws ssm get-parameter --name /aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64 --query Parameter.Value)
template=$(aws ec2 create-launch-template --launch-template-name private-servers --launch-template-data \
    "{\"ImageId\":\"$image\",\"InstanceType\":\"t2.micro\",\"KeyName\":\"private-key\",\"SecurityGroupIds\":[\"$servers_group\"]}" \
    --query LaunchTemplate.LaunchTemplateId)
aws autoscaling create-auto-scaling-group --auto-scaling-group-name private-servers --min-size 1 --desired-capacity 2 \
    --max-size 4 --vpc-zone-identifier "${private[0]},${private[1]}" --launch-template "LaunchTemplateId=$template"

bastion=$(aws ec2 run-instances --image-id "$image" --instance-type t2.micro --key-name private-key \
    --subnet-id "${public[0]}" --security-group-ids "$bastion_group" --associate-public-ip-address \
    --query 'Instances[0].InstanceId')
aws ec2 wait instance-running --instance-ids "$bastion"
bastion_address=$(aws ec2 describe-instances --instance-ids "$bastion" --query 'Reservations[0].Instances[0].PublicIpAddress')

servers() {
    aws autoscaling describe-auto-scaling-groups --auto-scaling-group-names private-servers \
        --query "AutoScalingGroups[0].Instances[?LifecycleState=='InService'].InstanceId"
}
until [ "$(servers | wc -w)" = 2 ]; do sleep 0.2; done
read -r -a instances <<<"$(servers)"
for n in 0 1; do
    private_addresses[n]=$(aws ec2 describe-instances --instance-ids "${instances[n]}" \
        --query 'Reservations[0].Instances[0].PrivateIpAddress')
done

targets=$(aws elbv2 create-target-group --name private-servers --protocol HTTP --port 8000 --vpc-id "$vpc" \
    --target-type instance --health-check-interval-seconds 5 --health-check-timeout-seconds 4 --query 'TargetGroups[0].TargetGroupArn')
aws elbv2 register-targets --target-group-arn "$targets" --targets "Id=${instances[0]}" "Id=${instances[1]}"
read -r balancer name <<<"$(aws elbv2 create-load-balancer --name private-servers --subnets "${public[@]}" \
    --security-groups "$balancer_group" --query 'LoadBalancers[0].[LoadBalancerArn,DNSName]')"
aws elbv2 create-listener --load-balancer-arn "$balancer" --protocol HTTP --port 80 \
    --default-actions "Type=forward,TargetGroupArn=$targets" >/dev/null
aws elbv2 wait load-balancer-available --load-balancer-arns "$balancer"

cat <<END
VPC=$vpc
GROUP=$balancer_group
NAT_ADDRESSES="${addresses[*]}"
BASTION=$bastion_address
INSTANCES="${instances[*]}"
PRIVATE_ADDRESSES="${private_addresses[*]}"
TARGET_GROUP=$targets
LOAD_BALANCER=$balancer
URL=http://$name
END
