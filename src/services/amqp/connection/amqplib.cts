module.exports = () => require('amqplib')
