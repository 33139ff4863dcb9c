module.exports = () => require('express')
