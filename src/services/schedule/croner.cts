module.exports = () => require('croner')
