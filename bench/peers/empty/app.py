"""The runtime's floor: nothing at all."""


def handler(_event, _context):
    return {"statusCode": 200, "body": "{}"}
