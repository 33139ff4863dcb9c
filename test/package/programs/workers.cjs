const { service, serviceGroup } = require('rx-service-group')

exports.workers = serviceGroup('workers').add(service('mailer', {}))
