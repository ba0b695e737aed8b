#!/usr/bin/env bash
# A highly available backend, by hand: three instances with the same program in three zones behind
# an Application Load Balancer. Typed as for AWS; `eval "$(pileus env)"` first.
# AWS may name the aws command to use, with options: AWS="aws --endpoint-url http://127.0.0.1:4566".
set -euo pipefail
AWS=${AWS:-aws}
MY_IP=${MY_IP:?the address that may ssh, such as 100.64.0.1/32 (pileus status shows it)}
DIR=${DIR:-.}
aws() { command $AWS --region "${REGION:-ap-south-1}" --output text "$@"; }

vpc=$(aws ec2 create-vpc --cidr-block 10.0.0.0/16 --query Vpc.VpcId)
aws ec2 create-tags --resources "$vpc" --tags Key=Name,Value=backend-vpc
subnets=()
for n in 1 2 3; do
    zone=$(aws ec2 describe-availability-zones --query "AvailabilityZones[$((n - 1))].ZoneName")
    subnet=$(aws ec2 create-subnet --vpc-id "$vpc" --cidr-block "10.0.$n.0/24" --availability-zone "$zone" --query Subnet.SubnetId)
    aws ec2 modify-subnet-attribute --subnet-id "$subnet" --map-public-ip-on-launch
    subnets+=("$subnet")
done
gateway=$(aws ec2 create-internet-gateway --query InternetGateway.InternetGatewayId)
aws ec2 attach-internet-gateway --internet-gateway-id "$gateway" --vpc-id "$vpc"
table=$(aws ec2 create-route-table --vpc-id "$vpc" --query RouteTable.RouteTableId)
aws ec2 create-route --route-table-id "$table" --destination-cidr-block 0.0.0.0/0 --gateway-id "$gateway" >/dev/null
for subnet in "${subnets[@]}"; do
    aws ec2 associate-route-table --subnet-id "$subnet" --route-table-id "$table" >/dev/null
done

group=$(aws ec2 create-security-group --group-name backend-sg --description "SSH from me, 3000 from anywhere" --vpc-id "$vpc" --query GroupId)
aws ec2 authorize-security-group-ingress --group-id "$group" --protocol tcp --port 22 --cidr "$MY_IP" >/dev/null
aws ec2 authorize-security-group-ingress --group-id "$group" --protocol tcp --port 3000 --cidr 0.0.0.0/0 >/dev/null
aws ec2 authorize-security-group-ingress --group-id "$group" --protocol tcp --port 80 --cidr 0.0.0.0/0 >/dev/null

aws ec2 create-key-pair --key-name backend-key --query KeyMaterial >"$DIR/backend-key.pem"
chmod 400 "$DIR/backend-key.pem"

image=$(aws ssm get-parameter --name /aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64 --query Parameter.Value)
run() { # NAME SUBNET IMAGE
    aws ec2 run-instances --image-id "$3" --instance-type t2.micro --key-name backend-key --subnet-id "$2" \
        --security-group-ids "$group" --tag-specifications "ResourceType=instance,Tags=[{Key=Name,Value=$1}]" \
        --query 'Instances[0].InstanceId'
}
server1=$(run server-1 "${subnets[0]}" "$image")
aws ec2 wait instance-running --instance-ids "$server1"
address=$(aws ec2 describe-instances --instance-ids "$server1" --query 'Reservations[0].Instances[0].PublicIpAddress')

ssh=(ssh -i "$DIR/backend-key.pem" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR
     -o ConnectTimeout=5 -o ConnectionAttempts=20)
"${ssh[@]}" "ec2-user@$address" 'sudo tee /opt/server.js >/dev/null && sudo tee /etc/rc.local >/dev/null <<"RC" && sudo chmod +x /etc/rc.local && (sudo setsid /etc/rc.local >/dev/null 2>&1 &)
#!/bin/sh
exec node /opt/server.js
RC' <<'JS'
const http = require('http'), os = require('os');
http.createServer((request, response) => response.end(`Hello from ${os.hostname()}\n`)).listen(3000);
JS

ami=$(aws ec2 create-image --instance-id "$server1" --name backend-image --query ImageId)
aws ec2 wait image-available --image-ids "$ami"
server2=$(run server-2 "${subnets[1]}" "$ami")
server3=$(run server-3 "${subnets[2]}" "$ami")
aws ec2 wait instance-running --instance-ids "$server1" "$server2" "$server3"

targets=$(aws elbv2 create-target-group --name backend-targets --protocol HTTP --port 3000 --vpc-id "$vpc" \
    --target-type instance --health-check-interval-seconds 10 --query 'TargetGroups[0].TargetGroupArn')
aws elbv2 register-targets --target-group-arn "$targets" --targets "Id=$server1" "Id=$server2" "Id=$server3"
balancer=$(aws elbv2 create-load-balancer --name backend-alb --subnets "${subnets[@]}" --security-groups "$group" \
    --query 'LoadBalancers[0].LoadBalancerArn')
for port in 3000 80; do
    aws elbv2 create-listener --load-balancer-arn "$balancer" --protocol HTTP --port $port \
        --default-actions "Type=forward,TargetGroupArn=$targets" >/dev/null
done
aws elbv2 wait load-balancer-available --load-balancer-arns "$balancer"
aws elbv2 wait target-in-service --target-group-arn "$targets"
name=$(aws elbv2 describe-load-balancers --load-balancer-arns "$balancer" --query 'LoadBalancers[0].DNSName')

cat <<END
VPC=$vpc
SUBNETS="${subnets[*]}"
GROUP=$group
INSTANCES="$server1 $server2 $server3"
ADDRESS=$address
IMAGE=$ami
TARGET_GROUP=$targets
LOAD_BALANCER=$balancer
URL=http://$name:3000
END
