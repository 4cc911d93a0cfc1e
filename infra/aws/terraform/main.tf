# servermix on AWS for those who have Terraform: the template of infra/aws/stack as it is, with the functions' code beside it.
# Either this or `servermix deploy aws` looks after a stack, not both.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "stack" {
  description = "Name of it all in the account"
  type        = string
  default     = "servermix"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,39}$", var.stack))
    error_message = "A letter and then at most 39 of a-z, 0-9 and -."
  }
}

variable "code" {
  description = "Zip of the functions' code: (cd dist/lambda && zip -qr ../lambda.zip .)"
  type        = string
}

variable "parameters" {
  description = "Parameters of the template: KeepDays, DollarsPerHour, AlarmEmail, InputArns, SubnetIds, SecurityGroupIds"
  type        = map(string)
  default     = {}
}

resource "aws_s3_bucket" "code" {
  bucket_prefix = "${substr(var.stack, 0, 20)}-code-"
  force_destroy = true
}

resource "aws_s3_bucket_public_access_block" "code" {
  bucket                  = aws_s3_bucket.code.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_object" "code" {
  bucket = aws_s3_bucket.code.id
  key    = "code/${filesha256(var.code)}.zip"
  source = var.code
}

resource "aws_cloudformation_stack" "servermix" {
  name          = var.stack
  template_body = file("${path.module}/../stack/template.json")
  capabilities  = ["CAPABILITY_IAM"]
  parameters = merge(var.parameters, {
    CodeBucket = aws_s3_bucket.code.id
    CodeKey    = aws_s3_object.code.key
  })
}

output "store" {
  description = "Where finished tasks are kept: servermix run --store"
  value       = aws_cloudformation_stack.servermix.outputs["Store"]
}

output "deployment" {
  description = "For --on lambda: terraform output -raw deployment > .servermix/stacks/servermix.json"
  value = jsonencode({
    stack  = var.stack
    region = aws_cloudformation_stack.servermix.outputs["Region"]
    bucket = aws_cloudformation_stack.servermix.outputs["Bucket"]
    ladder = [1769, 3538, 7076, 10240]
  })
}
