#!/usr/bin/env bash
# One machine split in two: an application and its databases on instances of their own, in private
# subnets. One load balancer leads to each by path, on its own port; the application is kept by a group.
# Typed as for AWS; `eval "$(pileus env)"` first. AWS may name the aws command to use, with options:
# AWS="aws --endpoint-url http://127.0.0.1:4566".
set -euo pipefail
AWS=${AWS:-aws}
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
public=() private=()
for n in 0 1; do
    public+=("$(subnet "${zones[n]}" "10.0.$n.0/24")")
    private+=("$(subnet "${zones[n]}" "10.0.$((128 + n)).0/24")")
    aws ec2 associate-route-table --subnet-id "${public[n]}" --route-table-id "$public_table" >/dev/null
done
read -r allocation nat_address <<<"$(aws ec2 allocate-address --domain vpc --query '[AllocationId,PublicIp]')"
nat=$(aws ec2 create-nat-gateway --subnet-id "${public[0]}" --allocation-id "$allocation" --query NatGateway.NatGatewayId)
aws ec2 wait nat-gateway-available --nat-gateway-ids "$nat"
private_table=$(aws ec2 create-route-table --vpc-id "$vpc" --query RouteTable.RouteTableId)
aws ec2 create-route --route-table-id "$private_table" --destination-cidr-block 0.0.0.0/0 --nat-gateway-id "$nat" >/dev/null
for n in 0 1; do
    aws ec2 associate-route-table --subnet-id "${private[n]}" --route-table-id "$private_table" >/dev/null
done

group() { # NAME DESCRIPTION
    aws ec2 create-security-group --group-name "$1" --description "$2" --vpc-id "$vpc" --query GroupId
}
allow() { # GROUP PORT SOURCE-GROUP
    aws ec2 authorize-security-group-ingress --group-id "$1" --protocol tcp --port "$2" --source-group "$3" >/dev/null
}
balancer_group=$(group balancer "HTTP from anywhere")
application_group=$(group application "from the load balancer")
databases_group=$(group databases "from the load balancer, and from the application")
aws ec2 authorize-security-group-ingress --group-id "$balancer_group" --protocol tcp --port 80 --cidr 0.0.0.0/0 >/dev/null
allow "$application_group" 3000 "$balancer_group"
allow "$databases_group" 8000 "$balancer_group"
allow "$databases_group" 8000 "$application_group"
allow "$databases_group" 19530 "$application_group"

# A stand-in for each service: it says who answers on which port. Databases first: the application needs their address.
serve() { # PORT...
    cat <<END
#!/bin/sh
for port in $*; do
    mkdir -p /srv/\$port/app /srv/\$port/db
    echo "\$(hostname) \$port" | tee /srv/\$port/health /srv/\$port/app/name /srv/\$port/db/name
    python3 -m http.server -d /srv/\$port \$port &
done
wait
END
}
image=$(aws ssm get-parameter --name /aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64 --query Parameter.Value)
databases=$(aws ec2 run-instances --image-id "$image" --instance-type t3.small --subnet-id "${private[0]}" \
    --security-group-ids "$databases_group" --user-data "$(serve 8000 19530)" --query 'Instances[0].InstanceId')
aws ec2 wait instance-running --instance-ids "$databases"
databases_address=$(aws ec2 describe-instances --instance-ids "$databases" \
    --query 'Reservations[0].Instances[0].PrivateIpAddress')

targets() { # NAME PORT
    aws elbv2 create-target-group --name "$1" --protocol HTTP --port "$2" --vpc-id "$vpc" --health-check-path /health \
        --health-check-interval-seconds 5 --health-check-timeout-seconds 4 --healthy-threshold-count 2 \
        --query 'TargetGroups[0].TargetGroupArn'
}
application_targets=$(targets application 3000)
databases_targets=$(targets databases 8000)
aws elbv2 register-targets --target-group-arn "$databases_targets" --targets "Id=$databases"

# The application, kept by a group. It asks both databases when it starts, and has no public address.
user_data=$( (
    serve 3000 | sed '$d'
    cat <<END
until curl -s --max-time 2 http://$databases_address:8000/health >/srv/3000/app/platform &&
    curl -s --max-time 2 http://$databases_address:19530/health >/srv/3000/app/vectors; do sleep 1; done
wait
END
) | base64 -w0)
template=$(aws ec2 create-launch-template --launch-template-name application --launch-template-data \
    "{\"ImageId\":\"$image\",\"InstanceType\":\"t3.micro\",\"SecurityGroupIds\":[\"$application_group\"],\"UserData\":\"$user_data\"}" \
    --query LaunchTemplate.LaunchTemplateId)
aws autoscaling create-auto-scaling-group --auto-scaling-group-name application --min-size 1 --desired-capacity 2 \
    --max-size 4 --vpc-zone-identifier "${private[0]},${private[1]}" --launch-template "LaunchTemplateId=$template" \
    --target-group-arns "$application_targets" --health-check-type ELB --health-check-grace-period 60

read -r balancer name <<<"$(aws elbv2 create-load-balancer --name split --subnets "${public[@]}" \
    --security-groups "$balancer_group" --query 'LoadBalancers[0].[LoadBalancerArn,DNSName]')"
listener=$(aws elbv2 create-listener --load-balancer-arn "$balancer" --protocol HTTP --port 80 --default-actions \
    'Type=fixed-response,FixedResponseConfig={StatusCode=404,ContentType=text/plain,MessageBody=nothing here}' \
    --query 'Listeners[0].ListenerArn')
rule() { # PRIORITY PATHS TARGET-GROUP
    aws elbv2 create-rule --listener-arn "$listener" --priority "$1" --conditions "Field=path-pattern,Values=$2" \
        --actions "Type=forward,TargetGroupArn=$3" >/dev/null
}
rule 10 "/app/*" "$application_targets"
rule 20 "/db/*" "$databases_targets"
aws elbv2 wait load-balancer-available --load-balancer-arns "$balancer"

cat <<END
VPC=$vpc
PRIVATE_SUBNET=${private[1]}
NAT_ADDRESS=$nat_address
DATABASES_ADDRESS=$databases_address
APPLICATION_TARGETS=$application_targets
DATABASES_TARGETS=$databases_targets
URL=http://$name
END
