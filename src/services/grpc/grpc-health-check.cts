module.exports = () => require('grpc-health-check')
